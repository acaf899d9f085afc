// The order and the rounding of products by bfmmla, bit for bit, against a model in scalars of what
// kernels/arm/mmla_bf16.inc promises.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/aligned.h"
#include "base/tensors/half.h"
#include "kernels/kernel_table.h"
#include "test_random.h"

namespace costeff::kernels {
namespace {

float flushed(float v) {
  return std::fabs(v) < std::numeric_limits<float>::min() ? std::copysign(0.0f, v) : v;
}

// a + b; an inexact sum becomes the float beside it whose last bit is 1.
float add_to_odd(float a, float b) {
  const float sum = flushed(a) + flushed(b);
  const float back = sum - flushed(a);
  const float lost = (flushed(a) - (sum - back)) + (flushed(b) - back);  // exact (Knuth)
  float truncated = sum;
  if (lost != 0 && std::signbit(lost) != std::signbit(sum)) truncated = std::nextafter(sum, 0.0f);
  uint32_t bits;
  std::memcpy(&bits, &truncated, 4);
  bits |= lost != 0;
  std::memcpy(&truncated, &bits, 4);
  return flushed(truncated);
}

// x, w [k] of bfloat16, whose products are exact in float32.
float pair_sum(const float* x, const float* w, int64_t k, float sum) {
  for (int64_t i = 0; i < k; i += 2) {
    const float first = flushed(flushed(x[i]) * flushed(w[i]));
    const float second = i + 1 < k ? flushed(flushed(x[i + 1]) * flushed(w[i + 1])) : 0.0f;
    sum = add_to_odd(sum, add_to_odd(first, second));
  }
  return sum;
}

std::vector<float> as_bfloat16(const FloatBuffer& from, int64_t count) {
  std::vector<float> v(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    v[static_cast<size_t>(i)] = bfloat16_to_float(float_to_bfloat16(from.data()[i]));
  return v;
}

class Mmla : public testing::Test {
 protected:
  void SetUp() override {
    RecordProperty("seed", std::to_string(test_seed()));
    if (!find_table("neon-mmla")) GTEST_SKIP() << "this CPU has no bfmmla";
  }
  // Products of x [m, k] and w [n, k], from the sums in y on if there are any.
  void run(const FloatBuffer& x, const FloatBuffer& w, int64_t m, int64_t n, int64_t k, bool adds,
           float* y) {
    const Product& p = find_table("neon-mmla")->bfloat16;
    ByteBuffer packed(round_up(n) * p.column_bytes(k)), rows(m * p.row_bytes(k));
    p.pack(w.data(), k, n, k, packed.data());
    p.prepare(x.data(), k, m, k, rows.data());
    if (adds) {
      p.accumulate(rows.data(), p.row_bytes(k), m, packed.data(), n, k, y, n);
    } else {
      p.multiply(rows.data(), p.row_bytes(k), m, packed.data(), nullptr, n, k, y, n);
    }
  }
  void expect_order(const FloatBuffer& x, const FloatBuffer& w, int64_t m, int64_t n, int64_t k) {
    const std::vector<float> xr = as_bfloat16(x, m * k), wr = as_bfloat16(w, n * k);
    const auto begin = random_floats(m * n, 1, &rng);
    for (const bool adds : {false, true}) {
      FloatBuffer y(m * n);
      std::copy_n(begin.data(), m * n, y.data());
      run(x, w, m, n, k, adds, y.data());
      for (int64_t i = 0; i < m * n; ++i) {
        const float truth = pair_sum(xr.data() + i / n * k, wr.data() + i % n * k, k,
                                     adds ? begin.data()[i] : 0.0f);
        ASSERT_EQ(y.data()[i], truth)
            << "m " << m << ", n " << n << ", k " << k << ", adds " << adds << ", at " << i;
      }
    }
  }
  std::mt19937_64 rng{test_seed()};
};

TEST_F(Mmla, SumsAreInTheOrderThatIsStated) {
  for (int64_t m : {1, 2, 3, 5, 6, 7, 12, 13}) {
    for (int64_t n : {1, 16, 17, 40}) {
      for (int64_t k : {1, 2, 3, 8, 31, 100, 770}) {
        const auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng);
        expect_order(x, w, m, n, k);
      }
    }
  }
}

// Sums whose order shows: large numbers that cancel, and small ones in between.
TEST_F(Mmla, NumbersOfAllSizesAreInThatOrderToo) {
  std::uniform_int_distribution<int> exponent(-12, 12);
  for (int64_t m : {1, 4, 7}) {
    const int64_t n = 20, k = 200;
    auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng);
    for (int64_t i = 0; i < m * k; ++i) x.data()[i] = std::ldexp(x.data()[i], exponent(rng));
    for (int64_t i = 0; i < n * k; ++i) w.data()[i] = std::ldexp(w.data()[i], exponent(rng));
    expect_order(x, w, m, n, k);
  }
}

TEST_F(Mmla, NumbersTooSmallToBeNormalCountAsZero) {
  std::uniform_int_distribution<int> exponent(-70, -55);
  const int64_t m = 3, n = 18, k = 64;
  auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng);
  for (int64_t i = 0; i < m * k; ++i) x.data()[i] = std::ldexp(x.data()[i], exponent(rng));
  for (int64_t i = 0; i < n * k; ++i) w.data()[i] = std::ldexp(w.data()[i], exponent(rng));
  FloatBuffer y(m * n);
  run(x, w, m, n, k, false, y.data());
  const std::vector<float> xr = as_bfloat16(x, m * k), wr = as_bfloat16(w, n * k);
  int zeros = 0;
  for (int64_t i = 0; i < m * n; ++i) {
    const float truth = pair_sum(xr.data() + i / n * k, wr.data() + i % n * k, k, 0.0f);
    ASSERT_EQ(y.data()[i], truth) << i;
    zeros += truth == 0;
  }
  EXPECT_LT(zeros, m * n);
}

}  // namespace
}  // namespace costeff::kernels
