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

constinit const KernelTable kNeonMmla = table_of("neon-mmla", kBf16Mmla, kInt8Mmla);

}  // namespace costeff::kernels
