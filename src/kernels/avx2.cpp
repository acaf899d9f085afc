#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

constexpr int64_t kNearRows = 0, kNearPart = 0;
constexpr bool kFetchesResults = true;
// A group of a panel is a line, and an instruction less is time where a core's other half is busy.
constexpr int kFetchEvery = 4;
inline bool two_step_fetches() { return false; }

using Vec = __m256;
constexpr int kWidth = 8;
constexpr int kRegisters = 16, kVecs = 2;
constexpr int kFew1 = 5, kFew2 = 3, kFew3 = 2;  // panels at a time for 1, 2 and 3 rows

inline int64_t round_lane(int64_t n) { return (n + 15) / 16 * 16; }

inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec set1(float v) { return _mm256_set1_ps(v); }
inline Vec load(const float* p) { return _mm256_load_ps(p); }
inline Vec loadu(const float* p) { return _mm256_loadu_ps(p); }
inline __m256i mask(int64_t n) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lanes);
}
inline Vec loadu_first(const float* p, int64_t n) { return _mm256_maskload_ps(p, mask(n)); }
// The first n floats at p, `fill` behind them.
inline Vec load_first(const float* p, int64_t n, float fill) {
  return _mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask(n)),
                          _mm256_castsi256_ps(mask(n)));
}
inline void storeu(float* p, Vec v) { _mm256_storeu_ps(p, v); }
inline void storeu_first(float* p, Vec v, int64_t n) { _mm256_maskstore_ps(p, mask(n), v); }
inline Vec first(Vec v, int64_t n) { return _mm256_and_ps(v, _mm256_castsi256_ps(mask(n))); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
// sum + a b, for tiles: of the intrinsic's sums GCC 12 loses some to memory.
inline Vec multiply_add(Vec a, Vec b, Vec sum) {
  asm("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
  return sum;
}
inline Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec absolute(Vec a) { return _mm256_andnot_ps(set1(-0.0f), a); }
inline Vec copy_sign(Vec magnitude, Vec sign) {
  return _mm256_or_ps(magnitude, _mm256_and_ps(sign, set1(-0.0f)));
}
inline Vec round_even(Vec a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// n is integral, -126 to 127: 2^n has the exponent bits n + 127.
inline Vec scale2(Vec v, Vec n) {
  const __m256i bits =
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(v, _mm256_castsi256_ps(bits));
}
inline Vec zero_where_less(Vec x, Vec limit, Vec v) {
  return _mm256_and_ps(v, _mm256_cmp_ps(x, limit, _CMP_GE_OQ));
}
inline float sum(Vec v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float largest(Vec v) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
// What is drawn together from four vectors: of vector r, in every lane that is r modulo 4.
template <typename F>
inline Vec draw_four(const Vec* v, F f) {
  const Vec ab = f(_mm256_unpacklo_ps(v[0], v[1]), _mm256_unpackhi_ps(v[0], v[1]));
  const Vec cd = f(_mm256_unpacklo_ps(v[2], v[3]), _mm256_unpackhi_ps(v[2], v[3]));
  const Vec halves = f(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  return f(halves, _mm256_permute2f128_ps(halves, halves, 1));
}
inline Vec sum_of_four(const Vec* v) {
  return draw_four(v, [](Vec a, Vec b) { return add(a, b); });
}
inline Vec largest_of_four(const Vec* v) {
  return draw_four(v, [](Vec a, Vec b) { return max(a, b); });
}
// The lanes that are R modulo 4, each in place of its three neighbours too.
template <int R>
inline Vec every_fourth(Vec v) {
  return _mm256_permute_ps(v, R * 0x55);
}
inline float square_root(float v) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(v))); }
// The value counts as used: what computes it stays.
inline void keep(Vec& v) { asm volatile("" : "+x"(v)); }
inline void keep(__m256i& v) { asm volatile("" : "+x"(v)); }
inline void prefetch(const char* p) { _mm_prefetch(p, _MM_HINT_T0); }
// The four bytes at base + kTimes * distance + kOffset in every lane, kTimes 0, 1 or 2. Said so, as
// GCC would keep a register for each of these places; volatile, as it would load ahead of use.
template <int kTimes, int kOffset>
inline Vec broadcast(const char* base, int64_t distance) {
  Vec v;
  if constexpr (kTimes == 0) {
    asm volatile("vbroadcastss %c2(%1), %0" : "=x"(v) : "r"(base), "i"(kOffset), "m"(*base));
  } else {
    asm volatile("vbroadcastss %c2(%1,%3,%c4), %0"
                 : "=x"(v)
                 : "r"(base), "i"(kOffset), "r"(distance), "i"(kTimes), "m"(*base));
  }
  return v;
}

using IVec = __m256i;
inline IVec zero_ints() { return _mm256_setzero_si256(); }
inline IVec load_ints(const void* p) { return _mm256_loadu_si256(static_cast<const IVec*>(p)); }
inline void store_ints(void* p, IVec v) { _mm256_storeu_si256(static_cast<IVec*>(p), v); }
inline IVec set1_int16(int16_t v) { return _mm256_set1_epi16(v); }
inline IVec set1_int(int32_t v) { return _mm256_set1_epi32(v); }
inline IVec as_ints(Vec v) { return _mm256_castps_si256(v); }
inline Vec as_floats(IVec v) { return _mm256_castsi256_ps(v); }
inline Vec to_floats(IVec v) { return _mm256_cvtepi32_ps(v); }
inline IVec to_ints(Vec v) { return _mm256_cvtps_epi32(v); }
// The bfloat16 nearest to each of x, ties to even, as a float.
inline Vec round_bf16(Vec x) {
  const IVec u = _mm256_castps_si256(x);
  const IVec lsb = _mm256_and_si256(_mm256_srli_epi32(u, 16), set1_int(1));
  const IVec sum = _mm256_add_epi32(u, _mm256_add_epi32(lsb, set1_int(0x7fff)));
  return _mm256_castsi256_ps(_mm256_and_si256(sum, set1_int(static_cast<int32_t>(0xffff0000u))));
}
inline Vec load_bf16(const char* p) {
  const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

// 8 vectors of 8: element c of vector r to element r of vector c.
inline void transpose(Vec* v) {
  Vec a[8];
  // Within each half of a vector: 4 x 4 blocks of 4 vectors that follow each other.
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    const Vec lo01 = _mm256_unpacklo_ps(v[i], v[i + 1]), hi01 = _mm256_unpackhi_ps(v[i], v[i + 1]);
    const Vec lo23 = _mm256_unpacklo_ps(v[i + 2], v[i + 3]),
              hi23 = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
    a[i] = _mm256_shuffle_ps(lo01, lo23, 0x44);
    a[i + 1] = _mm256_shuffle_ps(lo01, lo23, 0xee);
    a[i + 2] = _mm256_shuffle_ps(hi01, hi23, 0x44);
    a[i + 3] = _mm256_shuffle_ps(hi01, hi23, 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_permute2f128_ps(a[i], a[i + 4], 0x20);
    v[i + 4] = _mm256_permute2f128_ps(a[i], a[i + 4], 0x31);
  }
}

// erf(x), absolute error below 4e-7: x P(x^2) / Q(x^2) for |x| <= 4, where erf is 1 to within 2e-8.
// Coefficients: least relative error over that range (iterated weighted least squares).
inline Vec erf_of(Vec x) {
  const Vec a = max(min(x, set1(4.0f)), set1(-4.0f));
  const Vec t = mul(a, a);
  Vec p = set1(1.911086222605718e-08f);
  p = fma(p, t, set1(-1.9423139292484848e-06f));
  p = fma(p, t, set1(0.00014728709356859326f));
  p = fma(p, t, set1(0.0039906008169054985f));
  p = fma(p, t, set1(0.05152497440576553f));
  p = fma(p, t, set1(0.2071259617805481f));
  p = fma(p, t, set1(1.1283791065216064f));
  Vec q = set1(0.001021119300276041f);
  q = fma(q, t, set1(0.014958128333091736f));
  q = fma(q, t, set1(0.1179710403084755f));
  q = fma(q, t, set1(0.5168918371200562f));
  q = fma(q, t, set1(1.0f));
  return div(mul(a, p), q);  // no guess of the CPU: makers round theirs differently
}

// Absolute error below 1e-6.
inline Vec gelu(Vec x) {
  const Vec half = mul(x, set1(0.5f));
  return fma(half, erf_of(mul(x, set1(0.70710678118654752f))), half);
}

#include "kernels/simd_math.inc"
//
#include "kernels/simd_tile.inc"
//
#include "kernels/simd_gemm.inc"
#include "kernels/simd_rows.inc"
//
#include "kernels/simd_bf16.inc"
//
#include "kernels/avx2_int8.inc"

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
