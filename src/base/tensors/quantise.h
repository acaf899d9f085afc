#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace costeff {

// Rounds one row of weights to int8, symmetrically: row[i] is about scale * q[i], |q[i]| <= 127, to
// nearest, ties to even. Returns the scale, max |row| / 127; 0 for a row of zeros.
//   row: [n], finite.   q: [n].
inline float quantise_row(const float* row, int64_t n, int8_t* q) {
  // Both loops are written so that compilers vectorise them: absolute values order as their bits do,
  // and adding 1.5 * 2^23 rounds to an integer.
  int32_t bits = 0;
  for (int64_t i = 0; i < n; ++i)
    bits = std::max(bits, std::bit_cast<int32_t>(row[i]) & 0x7fffffff);
  const float largest = std::bit_cast<float>(bits);
  // Division, here and below, gives a row that came from int8 the same numbers again.
  const float scale = largest / 127.0f;
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
