#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx512_vec.inc"

constexpr int kVecs = 3;  // a panel of packed weights

constexpr Tuning kTuning = kIceLake;

#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"
#include "kernels/simd/rows.inc"
//
#include "kernels/simd/bf16.inc"
//
#include "kernels/x86/avx512_pairs.inc"

}  // namespace

constinit const KernelTable kAvx512 = table_of("avx512", kBf16Floats, kInt8Pairs);

}  // namespace costeff::kernels
