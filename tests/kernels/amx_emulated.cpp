// The products in tiles of AMX, with tiles in software and the vectors of AVX2: all else of them is
// tested wherever there is AVX2.

#include <immintrin.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/emulated_tiles.inc"
//
#include "kernels/x86/avx2_vec.inc"

constexpr int kVecs = 4;  // a panel of packed weights: two tiles

#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"

inline IVec times(IVec column, const int32_t& number) {
  return _mm256_mullo_epi32(column, set1_int(number));
}
inline IVec add_dots(IVec x, IVec w, IVec sum) { return add_byte_products(x, w, sum); }

#include "kernels/simd/dots.inc"

// vcvtneps2bf16 in the upper halves: numbers too small to be normal are 0, NaN stays NaN.
inline IVec bf16_in_high_half(Vec v) {
  const Vec is_small = _mm256_cmp_ps(absolute(v), set1(0x1p-126f), _CMP_LT_OQ);
  const Vec normal = copy_sign(_mm256_andnot_ps(is_small, absolute(v)), v);
  const Vec nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
  return as_ints(_mm256_blendv_ps(round_bf16(normal), set1(__builtin_nanf("")), nan));
}
inline Vec interleaved(Vec low, Vec high) {
  const IVec shifted = _mm256_srli_epi32(bf16_in_high_half(low), 16);
  return as_floats(_mm256_or_si256(shifted, bf16_in_high_half(high)));
}
inline Vec pairs(Vec low, Vec high) {
  // Each half has the numbers of that half of both vectors now.
  const IVec halves = _mm256_packus_epi32(_mm256_srli_epi32(bf16_in_high_half(low), 16),
                                          _mm256_srli_epi32(bf16_in_high_half(high), 16));
  return as_floats(_mm256_permute4x64_epi64(halves, 0xd8));
}
inline void store_bf16(char* to, Vec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm256_castsi256_si128(as_ints(pairs(v, zero()))));
}
// vdpbf16ps but for its flushing: the second number of the pair first.
inline Vec add_bf16_dots(IVec x, IVec w, Vec sum) {
  const auto second = [](IVec v) {
    return as_floats(_mm256_and_si256(v, set1_int(static_cast<int32_t>(0xffff0000u))));
  };
  const auto first_of = [](IVec v) { return as_floats(_mm256_slli_epi32(v, 16)); };
  return fma(first_of(x), first_of(w), fma(second(x), second(w), sum));
}

#include "kernels/simd/bf16_dots.inc"
//
#include "kernels/x86/amx_gemm.inc"

}  // namespace

// Declared first, as constants are not seen elsewhere otherwise.
extern const Product kEmulatedAmxBf16, kEmulatedAmxInt8;
const Product kEmulatedAmxBf16 = kBf16Tiles;
const Product kEmulatedAmxInt8 = kInt8Tiles;
bool emulated_amx_in_use() { return emulated_tiles_configured; }

}  // namespace costeff::kernels
