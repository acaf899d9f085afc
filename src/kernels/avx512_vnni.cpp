// int8 by vpdpbusd, for CPUs with AVX-512 and VNNI but without BF16 (Cascade Lake to Rocket Lake).
// The rest of their table is that of avx512.cpp: dispatch.cpp puts it together.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/avx512_vec.inc"

constexpr Tuning kTuning = kIceLake;

#include "kernels/simd_math.inc"
//
#include "kernels/simd_gemm.inc"
//
#include "kernels/avx512_int8.inc"

}  // namespace

const Product kAvx512VnniInt8 = kInt8Dots;

}  // namespace costeff::kernels
