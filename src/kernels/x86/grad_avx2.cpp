// Gradients with AVX2 and FMA.

#include <immintrin.h>

#include <cstdint>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx2_vec.inc"
//
#include "kernels/simd/math.inc"
//
#include "kernels/x86/avx2_random.inc"
//
#include "kernels/simd/dropout.inc"
//
#include "kernels/simd/grad.inc"

}  // namespace

const GradTable kAvx2Grad = kGrad;

}  // namespace costeff::kernels
