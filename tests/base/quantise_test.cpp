#include "base/tensors/quantise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "test_random.h"

namespace costeff {
namespace {

// The definition, one number at a time.
void expect_as_defined(const std::vector<float>& row) {
  const auto n = static_cast<int64_t>(row.size());
  std::vector<int8_t> q(row.size());
  const float scale = quantise_row(row.data(), n, q.data());
  float most = 0;
  for (float v : row) most = std::max(most, std::abs(v));
  ASSERT_EQ(scale, most / 127.0f);
  for (size_t i = 0; i < row.size(); ++i) {
    const float wanted = scale > 0 ? std::nearbyint(row[i] / scale) : 0.0f;
    ASSERT_EQ(q[i], std::clamp(wanted, -127.0f, 127.0f)) << row[i] << " of " << most;
  }
}

TEST(QuantiseRow, RoundsToNearestTiesToEven) {
  // A scale of exactly 1: the halves are ties.
  std::vector<float> row = {127};
  for (int i = -253; i <= 253; ++i) row.push_back(static_cast<float>(i) / 2);
  expect_as_defined(row);
  std::vector<int8_t> q(row.size());
  quantise_row(row.data(), static_cast<int64_t>(row.size()), q.data());
  EXPECT_EQ(q[1 + 253 + 1], 0);
  EXPECT_EQ(q[1 + 253 + 3], 2);
  EXPECT_EQ(q[1 + 253 - 5], -2);
}

TEST(QuantiseRow, AnyLengthAndSize) {
  std::mt19937_64 rng(test_seed());
  for (int64_t n : {1, 2, 3, 15, 16, 17, 63, 510, 768}) {
    for (float size : {1e-30f, 0.02f, 1.0f, 1e30f}) {
      const auto x = random_floats(n, size, &rng);
      expect_as_defined({x.data(), x.data() + n});
    }
  }
}

TEST(QuantiseRow, EdgesOfFloat) {
  using Limits = std::numeric_limits<float>;
  expect_as_defined({0.0f, -0.0f, 0.0f});
  expect_as_defined({Limits::denorm_min(), -Limits::denorm_min(), 0});  // a scale of 0
  expect_as_defined({190 * Limits::denorm_min(), -190 * Limits::denorm_min()});
  expect_as_defined({Limits::max(), -Limits::max(), 1, Limits::min()});
}

}  // namespace
}  // namespace costeff
