#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/avx512_vec.inc"

constexpr Tuning kTuning = kIceLake;

#include "kernels/simd_math.inc"
//
#include "kernels/simd_gemm.inc"
#include "kernels/simd_rows.inc"
//
#include "kernels/simd_bf16.inc"
//
#include "kernels/avx512_pairs.inc"

}  // namespace

const KernelTable kAvx512{.name = "avx512",
                          .panel = kPanel,
                          .softmax = softmax,
                          .activate = activate,
                          .add_layer_norm = add_layer_norm,
                          .float32 = kFloat32,
                          .bfloat16 = kBf16Floats,
                          .int8 = kInt8Pairs};

}  // namespace costeff::kernels
