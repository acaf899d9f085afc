// AVX-512 with the dot product instructions: vdpbf16ps (BF16) and vpdpbusd (VNNI). float32
// gives the bits of avx512.cpp, with another tuning.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx512_vec.inc"

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

// Weights [k / 2][width][2] of bfloat16, rows of bfloat16.
struct Bf16Dots : FloatSums {
  static constexpr int64_t kGroup = 2, kColumnBytes = 4;
  using Factor = IVec;
  static IVec weight(const char* p) { return _mm512_load_si512(p); }
  static Sum mac(IVec x, IVec w, Sum sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
  }
};

// 32 floats as bfloat16, the first of them in the low half of the first lane.
inline Vec pairs(Vec low, Vec high) { return (Vec)_mm512_cvtne2ps_pbh(high, low); }

// Blocks of 16 columns and 16 pairs are transposed in registers, a pair a lane.
void pack_bf16_dots(const float* w, int64_t ldw, int64_t n, int64_t k, void* packed) {
  float* to = static_cast<float*>(packed);
  for (int64_t j = 0; j < n; j += kPanel) {
    const int64_t width = panel_width(n, j), groups = groups_of<Bf16Dots>(k);
    for (int64_t c = 0; c < width; c += kWidth) {
      for (int64_t g = 0; g < groups; g += kWidth) {
        Vec block[kWidth];
#pragma GCC unroll 16
        for (int64_t r = 0; r < kWidth; ++r) {
          const float* row = w + (j + c + r) * ldw + g * 2;
          const int64_t left = j + c + r < n ? k - g * 2 : 0;
          block[r] = pairs(left > 0 ? loadu_few(row, left) : zero(),
                           left > kWidth ? loadu_few(row + kWidth, left - kWidth) : zero());
        }
        transpose(block);
#pragma GCC unroll 16
        for (int64_t r = 0; r < kWidth; ++r) {
          if (g + r < groups) storeu(to + (g + r) * width + c, block[r]);
        }
      }
    }
    to += groups * width;
  }
}

void pack_bf16_dots_transposed(const float* w, int64_t ldw, int64_t n, int64_t k, void* packed) {
  // Lane i holds number i of one row and, above it, number i of the next row.
  alignas(64) uint16_t order[32];
  for (int i = 0; i < 32; ++i) order[i] = static_cast<uint16_t>(i / 2 + i % 2 * 16);
  const IVec interleave = load_ints(order);
  float* to = static_cast<float*>(packed);
  for (int64_t j = 0; j < n; j += kPanel) {
    const int64_t width = panel_width(n, j);
    for (int64_t i = 0; i < k; i += 2, to += width) {
      const float* row = w + i * ldw + j;
      for (int64_t c = 0; c < width; c += kWidth) {
        const int64_t left = n - j - c;
        const Vec low = left > 0 ? loadu_few(row + c, left) : zero();
        const Vec high = left > 0 && i + 1 < k ? loadu_few(row + ldw + c, left) : zero();
        storeu(to + c, (Vec)_mm512_permutexvar_epi16(interleave, (IVec)pairs(low, high)));
      }
    }
  }
}

int64_t bf16_row_bytes(int64_t k) { return (k * 2 + 63) / 64 * 64; }

void prepare_bf16_dots(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows) {
  char* to = static_cast<char*>(rows);
  for (int64_t r = 0; r < m; ++r, x += ldx, to += bf16_row_bytes(k)) {
    int64_t i = 0;
    for (; i + kWidth <= k; i += kWidth) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i * 2),
                          (__m256i)_mm512_cvtneps_pbh(loadu(x + i)));
    }
    // Zeros fill the last group: rows have room up to a multiple of 64 bytes.
    if (i < k) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i * 2),
                          (__m256i)_mm512_cvtneps_pbh(loadu_first(x + i, k - i)));
    }
  }
}

}  // namespace

const KernelTable kAvx512Dots{.name = "avx512-dots",
                              .panel = kPanel,
                              .softmax = softmax,
                              .activate = activate,
                              .add_layer_norm = add_layer_norm,
                              .float32 = kFloat32,
                              .bfloat16 = {.column_bytes = column_bytes<Bf16Dots>,
                                           .pack = pack_bf16_dots,
                                           .pack_int8 = nullptr,
                                           .pack_transposed = pack_bf16_dots_transposed,
                                           .row_bytes = bf16_row_bytes,
                                           .prepare = prepare_bf16_dots,
                                           .multiply = multiply<Bf16Dots>,
                                           .accumulate = accumulate<Bf16Dots>,
                                           .spin = spin<Bf16Dots>},
                              .int8 = kInt8Dots};

}  // namespace costeff::kernels
