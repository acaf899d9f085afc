#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace costeff {

// One row of weights in int8, symmetric: row[i] is about scale * q[i], |q[i]| <= 127, to nearest,
// ties to even. The scale, max |row| / 127, is returned; 0 for a row of zeros. row: finite.
inline float quantise_row(const float* row, int64_t n, int8_t* q) {
  // Both loops are such that compilers vectorise them: absolute values order as their bits do, and
  // adding 1.5 * 2^23 rounds to an integer.
  int32_t bits = 0;
  for (int64_t i = 0; i < n; ++i)
    bits = std::max(bits, std::bit_cast<int32_t>(row[i]) & 0x7fffffff);
  const float most = std::bit_cast<float>(bits);
  // Divided twice, so that a row that came from int8 gives the same numbers again.
  const float scale = most / 127.0f;
  if (!(scale > 0)) {
    std::fill_n(q, n, static_cast<int8_t>(0));
    return 0.0f;
  }
  for (int64_t i = 0; i < n; ++i) {
    const float v = std::clamp(row[i] / scale, -127.0f, 127.0f);
    q[i] = static_cast<int8_t>(static_cast<int32_t>((v + 0x1.8p23f) - 0x1.8p23f));
  }
  return scale;
}

}  // namespace costeff
