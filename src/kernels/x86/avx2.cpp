#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx2_vec.inc"

constexpr int kVecs = 2;  // a panel of packed weights

#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"
#include "kernels/simd/rows.inc"
//
#include "kernels/simd/bf16.inc"
//
#include "kernels/x86/avx2_int8.inc"

}  // namespace

constinit const KernelTable kAvx2 = table_of("avx2", kBf16Floats, kInt8Quads);

}  // namespace costeff::kernels
