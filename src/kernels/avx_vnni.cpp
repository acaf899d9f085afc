// int8 by vpdpbusd, for CPUs with AVX-VNNI but without AVX-512 (Intel's clients since Alder Lake).
// All else there is that of avx2.cpp: dispatch.cpp puts the table together.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/avx2_vec.inc"
//
#include "kernels/simd_math.inc"
//
#include "kernels/simd_tile.inc"
//
#include "kernels/simd_gemm.inc"

inline IVec times(IVec column, const int32_t& number) {
  return _mm256_mullo_epi32(column, set1_int(number));
}
inline IVec add_dots(IVec x, IVec w, IVec sum) {
#ifdef COSTEFF_WITHOUT_VNNI
  // What the instruction does, for tests on CPUs that do not have it.
  const IVec even = _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(0xff)),
                                      _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8));
  const IVec odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), _mm256_srai_epi16(w, 8));
  return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
#else
  // GCC 12 spills the sums of the intrinsic.
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
  return sum;
#endif
}

#include "kernels/simd_dots.inc"

}  // namespace

const Product kAvxVnniInt8 = kInt8Dots;

}  // namespace costeff::kernels
