// Gradients with AVX-512, for all tables that have it.

#include <immintrin.h>

#include <cstdint>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx512_vec.inc"
//
#include "kernels/simd/math.inc"
//
#include "kernels/x86/avx512_random.inc"
//
#include "kernels/simd/dropout.inc"
//
#include "kernels/simd/grad.inc"

}  // namespace

const GradTable kAvx512Grad = kGrad;

}  // namespace costeff::kernels
