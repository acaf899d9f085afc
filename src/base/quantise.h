#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace costeff {

// One row of weights in int8, symmetric: row[i] is about scale * q[i], |q[i]| <= 127, to nearest,
// ties to even. The scale, max |row| / 127, is returned; 0 for a row of zeros. row: finite.
inline float quantise_row(const float* row, int64_t n, int8_t* q) {
  float most = 0;
  for (int64_t i = 0; i < n; ++i) most = std::max(most, std::abs(row[i]));
  // Divided twice, so that a row that came from int8 gives the same numbers again.
  const float scale = most / 127.0f;
  if (!(scale > 0)) {
    std::fill_n(q, n, static_cast<int8_t>(0));
    return 0.0f;
  }
  for (int64_t i = 0; i < n; ++i) {
    const float v = std::nearbyint(row[i] / scale);
    q[i] = static_cast<int8_t>(std::clamp(v, -127.0f, 127.0f));
  }
  return scale;
}

}  // namespace costeff
