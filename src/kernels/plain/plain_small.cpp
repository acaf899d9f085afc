#include "kernels/plain/plain_small.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace costeff::kernels {
namespace {

#include "kernels/simd/row_scale.inc"

int64_t round64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

float load_float(const std::byte* p) {
  float v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

}  // namespace

int64_t int8_column_bytes(int64_t k) { return (k + 3) / 4 * 4 + 4; }
int64_t int8_row_bytes(int64_t k) { return round64(k * 2) + 64; }

void pack_int8(const int8_t* w, const float* scale, int64_t n, int64_t k, void* packed) {
  auto* to = static_cast<std::byte*>(packed);
  for (int64_t j = 0; j < round_up(n); ++j, to += int8_column_bytes(k)) {
    std::memset(to, 0, static_cast<size_t>(int8_column_bytes(k)));
    if (j >= n) continue;
    std::memcpy(to, w + j * k, static_cast<size_t>(k));
    std::memcpy(to + int8_column_bytes(k) - 4, scale + j, sizeof(float));
  }
}

void prepare_int8_rows(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows) {
  auto* to = static_cast<std::byte*>(rows);
  for (int64_t r = 0; r < m; ++r, x += ldx, to += int8_row_bytes(k)) {
    float least = 0, most = 0;
    for (int64_t i = 0; i < k; ++i) {
      least = std::min(least, x[i]);
      most = std::max(most, x[i]);
    }
    const RowScale by = row_scale(least, most);
    auto* row = reinterpret_cast<int16_t*>(to);
    for (int64_t i = 0; i < k; ++i) {
      // Clamped: the conversion of a number that is not finite is undefined.
      const float q = std::nearbyint(x[i] * by.inverse);
      row[i] = static_cast<int16_t>(q >= 254 ? 254 : q > -254 ? q : -254);
    }
    std::memcpy(to + round64(k * 2), &by.scale, sizeof by.scale);
  }
}

void multiply_int8(const void* rows, int64_t ld, int64_t m, const void* packed, const float* bias,
                   int64_t n, int64_t k, float* y, int64_t ldy) {
  const auto* columns = static_cast<const std::byte*>(packed);
  const int64_t step = int8_column_bytes(k);
  for (int64_t r = 0; r < m; ++r) {
    const auto* row = static_cast<const std::byte*>(rows) + r * ld;
    const auto* x = reinterpret_cast<const int16_t*>(row);
    const float scale = load_float(row + round64(k * 2));
    for (int64_t j = 0; j < n; ++j) {
      const auto* w = reinterpret_cast<const int8_t*>(columns + j * step);
      int32_t sum = 0;
      for (int64_t i = 0; i < k; ++i) sum += int32_t{x[i]} * w[i];
      const float column_scale = load_float(columns + (j + 1) * step - 4);
      y[r * ldy + j] = static_cast<float>(sum) * (column_scale * scale) + (bias ? bias[j] : 0.0f);
    }
  }
}

float round_to_bf16(float v) {
  const uint32_t u = std::bit_cast<uint32_t>(v);
  return std::bit_cast<float>((u + 0x7fffu + ((u >> 16) & 1u)) & 0xffff0000u);
}

int64_t bf16_row_bytes(int64_t k) { return round64(k * 4); }

void prepare_bf16_rows(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows) {
  auto* to = static_cast<std::byte*>(rows);
  for (int64_t r = 0; r < m; ++r, x += ldx, to += bf16_row_bytes(k)) {
    auto* row = reinterpret_cast<float*>(to);
    for (int64_t i = 0; i < k; ++i) row[i] = round_to_bf16(x[i]);
  }
}

}  // namespace costeff::kernels
