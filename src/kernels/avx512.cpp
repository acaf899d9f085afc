#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

using Vec = __m512;
constexpr int kWidth = 16;
// 9 rows x 3 vectors of sums, 3 of weights and one of x: 31 of 32 registers.
constexpr int kVecs = 3, kRows = 9;
constexpr int kFew1 = 8, kFew2 = 4, kFew3 = 3;  // panels at a time for 1, 2 and 3 rows

inline int64_t round_lane(int64_t n) { return (n + 15) / 16 * 16; }

inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec set1(float v) { return _mm512_set1_ps(v); }
inline Vec load(const float* p) { return _mm512_load_ps(p); }
inline Vec loadu(const float* p) { return _mm512_loadu_ps(p); }
inline __mmask16 mask(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
inline Vec loadu_first(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(mask(n), p); }
inline void storeu(float* p, Vec v) { _mm512_storeu_ps(p, v); }
inline void storeu_first(float* p, Vec v, int64_t n) { _mm512_mask_storeu_ps(p, mask(n), v); }
inline Vec first(Vec v, int64_t n) { return _mm512_maskz_mov_ps(mask(n), v); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec absolute(Vec a) { return _mm512_abs_ps(a); }
inline Vec copy_sign(Vec magnitude, Vec sign) {
  return _mm512_or_ps(magnitude, _mm512_and_ps(sign, set1(-0.0f)));
}
inline Vec round_even(Vec a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline Vec scale2(Vec v, Vec n) { return _mm512_scalef_ps(v, n); }
inline Vec zero_where_less(Vec x, Vec limit, Vec v) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, limit, _CMP_GE_OQ), v);
}
inline float sum(Vec v) { return _mm512_reduce_add_ps(v); }
inline float largest(Vec v) { return _mm512_reduce_max_ps(v); }
inline float square_root(float v) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(v))); }
inline void prefetch(const float* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0);
}

#include "kernels/simd_body.inc"

}  // namespace

const KernelTable kAvx512{"avx512", pack,     pack_transposed, linear,
                          softmax,  activate, add_layer_norm};

}  // namespace costeff::kernels
