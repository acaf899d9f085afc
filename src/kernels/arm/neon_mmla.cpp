// ARMv8.6's products of matrices (Neoverse V1, N2, V2; Apple's M2): smmla for int8, bfmmla for
// bfloat16.

#include <arm_neon.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/arm/neon_vec.inc"
//
#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"
#include "kernels/simd/rows.inc"
//
#include "kernels/simd/bytes.inc"
//
#include "kernels/arm/mmla.inc"
//
#include "kernels/arm/mmla_bf16.inc"
#include "kernels/arm/mmla_int8.inc"

}  // namespace

const KernelTable kNeonMmla{.name = "neon-mmla",
                            .panel = kPanel,
                            .softmax = softmax,
                            .activate = activate,
                            .add_layer_norm = add_layer_norm,
                            .float32 = kFloat32,
                            .bfloat16 = kBf16Mmla,
                            .int8 = kInt8Mmla};

}  // namespace costeff::kernels
