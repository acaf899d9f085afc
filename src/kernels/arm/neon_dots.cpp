// int8 by sdot, for CPUs with ARMv8.2's dot products (Neoverse N1, Apple's M1). The rest of their
// table is that of neon.cpp: dispatch.cpp puts it together.

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

inline int64_t byte_place(int64_t c, int64_t i) { return c * 4 + i; }

template <int U>
inline IVec add_dots(Lane<U> x, IVec w, IVec sum) {
  asm volatile("sdot %0.4s, %1.16b, %2.4b[%c3]" : "+w"(sum) : "w"(w), "w"(x.groups), "i"(U));
  return sum;
}

#include "kernels/simd/dots.inc"

}  // namespace

const Product kNeonDotsInt8 = kInt8Dots;

}  // namespace costeff::kernels
