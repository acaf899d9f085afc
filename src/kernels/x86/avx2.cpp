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

const KernelTable kAvx2{.name = "avx2",
                        .panel = kPanel,
                        .softmax = softmax,
                        .activate = activate,
                        .add_layer_norm = add_layer_norm,
                        .float32 = kFloat32,
                        .bfloat16 = kBf16Floats,
                        .int8 = kInt8Quads};

}  // namespace costeff::kernels
