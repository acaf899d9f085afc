// Gradients with NEON, for all tables that have it.

#include <arm_neon.h>

#include <cstdint>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/arm/neon_vec.inc"
//
#include "kernels/simd/math.inc"
//
#include "kernels/arm/random.inc"
//
#include "kernels/simd/dropout.inc"
//
#include "kernels/simd/grad.inc"

}  // namespace

const GradTable kNeonGrad = kGrad;

}  // namespace costeff::kernels
