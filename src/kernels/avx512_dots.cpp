// AVX-512 with the dot product instructions: vdpbf16ps (BF16) and vpdpbusd (VNNI). float32 is that
// of avx512.cpp, bit for bit.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/avx512_vec.inc"
//
#include "kernels/simd_math.inc"
//
#include "kernels/simd_gemm.inc"
#include "kernels/simd_rows.inc"

// Weights [k / 2][width][2] of bfloat16, rows of bfloat16.
struct Bf16Dots {
  static constexpr int64_t kGroup = 2, kColumnBytes = 4, kHead = 0;
  using Sum = Vec;
  using Columns = Float32::Columns;
  static Sum none() { return zero(); }
  static Sum begin(const char*, int64_t, int64_t) { return zero(); }
  static IVec weight(const char* p) { return _mm512_load_si512(p); }
  static IVec value(const char* row, int64_t i) {
    return set1_int(reinterpret_cast<const int32_t*>(row)[i]);
  }
  static Sum mac(IVec x, IVec w, Sum sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
  }
  static Columns columns(const char*, int64_t) { return {}; }
  static Vec result(Sum sum, Columns, const char*, int64_t, Vec bias) { return add(sum, bias); }
};

// A scale a column and what its sums begin with, weights [k / 4][width][4] of int8; rows of uint8,
// 128 added, and a scale a row. vpdpbusd multiplies unsigned by signed: sum x w = sum (x + 128) w -
// 128 sum w.
struct Int8Dots {
  static constexpr int64_t kGroup = 4, kColumnBytes = 4, kHead = 8;
  using Sum = IVec;
  using Columns = Vec;
  static Sum none() { return zero_ints(); }
  static Sum begin(const char* head, int64_t width, int64_t v) {
    return load_ints(head + width * 4 + v * 64);
  }
  static IVec weight(const char* p) { return _mm512_load_si512(p); }
  static IVec value(const char* row, int64_t i) {
    return set1_int(reinterpret_cast<const int32_t*>(row)[i]);
  }
  // GCC 12 spills the sums of the intrinsic.
  static Sum mac(IVec x, IVec w, Sum sum) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
  static Columns columns(const char* head, int64_t v) {
    return loadu(reinterpret_cast<const float*>(head) + v * kWidth);
  }
  static int64_t scale_at(int64_t k) { return (k + 63) / 64 * 64; }
  static Vec result(Sum sum, Vec scale, const char* row, int64_t k, Vec bias) {
    const Vec both = mul(scale, set1(*reinterpret_cast<const float*>(row + scale_at(k))));
    return fma(to_floats(sum), both, bias);
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
  // Lane i takes number i of one row and, above it, number i of the next.
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
    // Zeros fill the last group; rows have room up to 64 bytes.
    if (i < k) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i * 2),
                          (__m256i)_mm512_cvtneps_pbh(loadu_first(x + i, k - i)));
    }
  }
}

void pack_int8_dots(const int8_t* w, const float* scale, int64_t n, int64_t k, void* packed) {
  char* to = static_cast<char*>(packed);
  for (int64_t j = 0; j < n; j += kPanel) {
    const int64_t width = panel_width(n, j), groups = groups_of<Int8Dots>(k);
    char* const head = to;
    to += width * Int8Dots::kHead;
    for (int64_t c = 0; c < width; ++c) {
      const int8_t* row = w + (j + c) * k;
      int32_t sum = 0;
      for (int64_t g = 0; g < groups; ++g) {
        for (int64_t i = g * 4; i < g * 4 + 4; ++i) {
          const int8_t v = j + c < n && i < k ? row[i] : static_cast<int8_t>(0);
          to[(g * width + c) * 4 + (i - g * 4)] = static_cast<char>(v);
          sum += v;
        }
      }
      reinterpret_cast<float*>(head)[c] = j + c < n ? scale[j + c] : 0.0f;
      reinterpret_cast<int32_t*>(head + width * 4)[c] = sum * -128;
    }
    to += groups * width * 4;
  }
}

int64_t int8_row_bytes(int64_t k) { return Int8Dots::scale_at(k) + 64; }

// Four vectors of floats, each times `factor`, to 64 bytes in order, 128 added: that flips the
// first bit.
inline IVec quantise(const float* x, Vec factor) {
  const auto ints = [&](int i) { return to_ints(mul(loadu(x + i * kWidth), factor)); };
  const IVec low = _mm512_packs_epi32(ints(0), ints(1)),
             high = _mm512_packs_epi32(ints(2), ints(3));
  // Each quarter has four bytes of each vector now.
  const IVec order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const IVec bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));
  return _mm512_xor_si512(bytes, _mm512_set1_epi8(static_cast<char>(0x80)));
}

void prepare_int8_dots(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows) {
  constexpr int64_t kBlock = 4 * kWidth, kRows = 4;
  char* to = static_cast<char*>(rows);
  // Some rows at a time: while one's largest value is drawn together, the next is read.
  float most[kRows];
  for (int64_t r = 0; r < m; ++r, x += ldx, to += int8_row_bytes(k)) {
    if (r % kRows == 0) {
      for (int64_t s = 0; s < kRows && r + s < m; ++s) most[s] = largest_of_row(x + s * ldx, k);
    }
    const float largest = most[r % kRows];
    const Vec inverse = set1(largest > 0 ? 127.0f / largest : 0.0f);
    int64_t i = 0;
    for (; i + kBlock <= k; i += kBlock) _mm512_storeu_si512(to + i, quantise(x + i, inverse));
    if (i < k) {
      // The row has room for whole blocks.
      float last[kBlock] = {};
      for (int64_t j = i; j < k; j += kWidth) storeu(last + j - i, loadu_few(x + j, k - j));
      _mm512_storeu_si512(to + i, quantise(last, inverse));
    }
    *reinterpret_cast<float*>(to + Int8Dots::scale_at(k)) = largest / 127.0f;
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
                                           .spin = spin<Bf16Dots>},
                              .int8 = {.column_bytes = column_bytes<Int8Dots>,
                                       .pack = nullptr,
                                       .pack_int8 = pack_int8_dots,
                                       .pack_transposed = nullptr,
                                       .row_bytes = int8_row_bytes,
                                       .prepare = prepare_int8_dots,
                                       .multiply = multiply<Int8Dots>,
                                       .spin = spin<Int8Dots>}};

}  // namespace costeff::kernels
