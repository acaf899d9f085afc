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

const KernelTable kAvx512{.name = "avx512",
                          .panel = kPanel,
                          .softmax = softmax,
                          .activate = activate,
                          .add_layer_norm = add_layer_norm,
                          .float32 = kFloat32,
                          .bfloat16 = kBf16Floats,
                          .int8 = kInt8Pairs};

}  // namespace costeff::kernels
