// Gradients with AVX2 and FMA.

#include <immintrin.h>

#include <cstdint>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx2_vec.inc"
//
#include "kernels/simd/math.inc"

inline Vec root(Vec v) { return _mm256_sqrt_ps(v); }
using Sum = float;
template <typename F>
inline float grad_sum(int64_t h, F f) {
  return sum_row(h, f);
}

#include "kernels/simd/grad.inc"

}  // namespace

const GradTable kAvx2Grad = kGrad;

}  // namespace costeff::kernels
