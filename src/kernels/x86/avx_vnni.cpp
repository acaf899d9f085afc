// int8 by vpdpbusd, for CPUs with AVX-VNNI but without AVX-512 (Intel's clients since Alder Lake).
// The rest of their table is that of avx2.cpp: dispatch.cpp puts it together.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx2_vec.inc"

constexpr int kVecs = 2;  // a panel of packed weights

#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"

inline IVec times(IVec column, const int32_t& number) {
  return _mm256_mullo_epi32(column, set1_int(number));
}
inline IVec add_dots(IVec x, IVec w, IVec sum) {
#ifdef COSTEFF_WITHOUT_VNNI
  return add_byte_products(x, w, sum);  // for tests on CPUs without it
#else
  // GCC 12 spills the sums of the intrinsic.
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
  return sum;
#endif
}

#include "kernels/simd/dots.inc"

}  // namespace

const Product kAvxVnniInt8 = kInt8Dots;

}  // namespace costeff::kernels
