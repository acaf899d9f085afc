// AVX-512 with the dot product instructions: vdpbf16ps (BF16) and vpdpbusd (VNNI). float32
// gives the bits of avx512.cpp, with another tuning.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx512_vec.inc"

constexpr int kVecs = 3;  // a panel of packed weights

// What is best on Zen 5.
constexpr Tuning kTuning{.few_panels = {8, 4, 3},
                         .near_rows = 0,
                         .near_part = 0,
                         .prefetches_results = false,
                         .prefetch_every = 1,
                         .two_steps = half_rate_512};

#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"
#include "kernels/simd/rows.inc"
//
#include "kernels/x86/avx512_int8.inc"
//
#include "kernels/x86/avx512_bf16.inc"

}  // namespace

constinit const KernelTable kAvx512Dots = table_of("avx512-dots", kBf16Dots, kInt8Dots);

}  // namespace costeff::kernels
