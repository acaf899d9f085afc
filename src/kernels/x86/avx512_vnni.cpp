// int8 by vpdpbusd, for CPUs with AVX-512 and VNNI but without BF16 (Cascade Lake to Rocket Lake).
// The rest of their table is that of avx512.cpp: dispatch.cpp puts it together.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx512_vec.inc"

constexpr int kVecs = 3;  // a panel of packed weights

constexpr Tuning kTuning = kIceLake;

#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"
//
#include "kernels/x86/avx512_int8.inc"

}  // namespace

const Product kAvx512VnniInt8 = kInt8Dots;

}  // namespace costeff::kernels
