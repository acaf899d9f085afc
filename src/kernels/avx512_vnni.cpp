// int8 by vpdpbusd, for CPUs with AVX-512 and VNNI but without BF16 (Cascade Lake to Rocket Lake).
// All else there is that of avx512.cpp: dispatch.cpp puts the table together.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

// What is best on Ice Lake servers.
constexpr int64_t kNearRows = 48, kNearPart = 192;
constexpr bool kFetchesResults = true;

#include "kernels/avx512_vec.inc"
//
#include "kernels/simd_math.inc"
//
#include "kernels/simd_tile.inc"
//
#include "kernels/simd_gemm.inc"
//
#include "kernels/avx512_int8.inc"

}  // namespace

const Product kAvx512VnniInt8 = kInt8Dots;

}  // namespace costeff::kernels
