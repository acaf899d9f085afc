// The order and the rounding of products in tiles, bit for bit, against a model in scalars of what
// kernels/x86/amx_gemm.inc promises: on tiles in software, and on the CPU's own where it has them.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned.h"
#include "base/tensors/half.h"
#include "base/tensors/quantise.h"
#include "kernels/kernel_table.h"
#include "test_random.h"

namespace costeff::kernels {

extern const Product kEmulatedAmxBf16, kEmulatedAmxInt8;  // amx_emulated.cpp
bool emulated_amx_in_use();
#ifdef COSTEFF_AVX512
extern const KernelTable kEmulatedAmx;  // amx_emulated_avx512.cpp
#endif

namespace {

// Where tiles are computed.
struct Place {
  std::string name;
  Product bfloat16, int8;
};

void PrintTo(const Place& place, std::ostream* to) { *to << place.name; }

std::vector<Place> places() {
  std::vector<Place> v;
  if (find_table("avx2")) v.push_back({"avx2", kEmulatedAmxBf16, kEmulatedAmxInt8});
#ifdef COSTEFF_AVX512
  if (find_table("avx512-dots")) v.push_back({"avx512", kEmulatedAmx.bfloat16, kEmulatedAmx.int8});
#endif
  if (const KernelTable* amx = find_table("amx")) v.push_back({"cpu", amx->bfloat16, amx->int8});
  return v;
}

class Amx : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override { RecordProperty("seed", std::to_string(test_seed())); }
  void TearDown() override { EXPECT_FALSE(emulated_amx_in_use()) << "tiles were not released"; }
  std::mt19937_64 rng{test_seed()};
};

float flushed(float v) {
  return std::fabs(v) < std::numeric_limits<float>::min() ? std::copysign(0.0f, v) : v;
}

std::vector<float> as_bfloat16(const FloatBuffer& from, int64_t count) {
  std::vector<float> v(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    v[static_cast<size_t>(i)] = flushed(bfloat16_to_float(float_to_bfloat16(from.data()[i])));
  return v;
}

// x, w [k] of bfloat16. The steps of 32 k: even k and odd k apart, each sum rounded.
float tile_sum(const float* x, const float* w, int64_t k) {
  float sum = 0;
  for (int64_t step = 0; step < k; step += 32) {
    float part[2] = {0, 0};
    for (int64_t i = step; i < step + 32; ++i) {
      const float a = i < k ? x[i] : 0.0f, b = i < k ? w[i] : 0.0f;
      part[i % 2] = flushed(std::fma(a, b, part[i % 2]));
    }
    sum = flushed(sum + flushed(part[0] + part[1]));
  }
  return sum;
}

// Orders that are not the one promised.
float sum_in_order(const float* x, const float* w, int64_t k) {
  float sum = 0;
  for (int64_t i = 0; i < k; ++i) sum = std::fma(x[i], w[i], sum);
  return sum;
}
float sum_of_pairs(const float* x, const float* w, int64_t k) {
  float sum = 0;
  for (int64_t i = 0; i < k; i += 2) {
    if (i + 1 < k) sum = std::fma(x[i + 1], w[i + 1], sum);
    sum = std::fma(x[i], w[i], sum);
  }
  return sum;
}

void multiply_bf16(const Product& p, const float* x, const float* w, const float* bias, int64_t m,
                   int64_t n, int64_t k, bool transposed, float* y, int64_t ldy) {
  ByteBuffer packed(round_up(n) * p.column_bytes(k)), rows(m * p.row_bytes(k));
  if (transposed) {
    std::vector<float> t(static_cast<size_t>(n * k));
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t i = 0; i < k; ++i) t[static_cast<size_t>(i * n + j)] = w[j * k + i];
    }
    p.pack_transposed(t.data(), n, n, k, packed.data());
  } else {
    p.pack(w, k, n, k, packed.data());
  }
  // What was there before must not matter, not even if it is no number.
  std::fill_n(rows.data(), m * p.row_bytes(k), std::byte{0xff});
  p.prepare(x, k, m, k, rows.data());
  p.multiply(rows.data(), p.row_bytes(k), m, packed.data(), bias, n, k, y, ldy);
}

void expect_tile_sums(const Place& place, const FloatBuffer& x, const FloatBuffer& w,
                      const float* bias, int64_t m, int64_t n, int64_t k, bool transposed) {
  // After y's columns there is something that must stay.
  const int64_t ldy = n + 3;
  std::vector<float> y(static_cast<size_t>(m * ldy), 7.0f);
  multiply_bf16(place.bfloat16, x.data(), w.data(), bias, m, n, k, transposed, y.data(), ldy);
  const std::vector<float> xr = as_bfloat16(x, m * k), wr = as_bfloat16(w, n * k);
  for (int64_t r = 0; r < m; ++r) {
    for (int64_t j = 0; j < ldy; ++j) {
      const float got = y[static_cast<size_t>(r * ldy + j)];
      if (j >= n) {
        ASSERT_EQ(got, 7.0f) << "column " << j << " of " << n;
        continue;
      }
      float sum = tile_sum(xr.data() + r * k, wr.data() + j * k, k);
      if (bias) sum += bias[j];
      ASSERT_EQ(std::memcmp(&got, &sum, sizeof sum), 0)
          << got << " in place of " << sum << ": row " << r << ", column " << j << ", m " << m
          << ", n " << n << ", k " << k << ", seed " << test_seed();
    }
  }
}

TEST_P(Amx, Bfloat16IsSummedAsPromised) {
  for (int64_t m = 1; m <= 40; ++m) {
    for (const int64_t n : {1, 16, 17, 32, 45}) {
      for (const int64_t k : {1, 31, 33, 64, 77}) {
        const auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng),
                   bias = random_floats(n, 1, &rng);
        expect_tile_sums(GetParam(), x, w, bias.data(), m, n, k, false);
        expect_tile_sums(GetParam(), x, w, nullptr, m, n, k, true);
      }
    }
  }
}

// Several parts of k, blocks of rows of two heights, and bands of rows: the last has 1 MB of them.
TEST_P(Amx, PartsAndBandsAreSummedAsPromised) {
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{33, 64, 511},
                                {33, 70, 513},
                                {70, 64, 1025},
                                {97, 33, 1537},
                                {131, 40, 6147}}) {
    const auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng),
               bias = random_floats(n, 1, &rng);
    expect_tile_sums(GetParam(), x, w, bias.data(), m, n, k, false);
    expect_tile_sums(GetParam(), x, w, nullptr, m, n, k, false);
  }
}

// The sizes above tell the promised order from others.
TEST(AmxOrder, OrdersDiffer) {
  std::mt19937_64 rng(test_seed());
  int in_order = 0, of_pairs = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto x = as_bfloat16(random_floats(64, 1, &rng), 64),
               w = as_bfloat16(random_floats(64, 1, &rng), 64);
    const float sum = tile_sum(x.data(), w.data(), 64);
    in_order += sum != sum_in_order(x.data(), w.data(), 64);
    of_pairs += sum != sum_of_pairs(x.data(), w.data(), 64);
  }
  EXPECT_GT(in_order, 100);
  EXPECT_GT(of_pairs, 100);
}

// Worked out by hand: a step's sum is made apart, even and odd k apart, products are not rounded.
TEST_P(Amx, HandMadeSums) {
  constexpr float kLarge = 0x1p24f;
  struct Case {
    std::vector<std::pair<int, float>> numbers;  // at k; the weights are 1
    float sum;
  };
  for (const Case& c : {
           Case{{{0, kLarge}, {1, 1}, {2, -kLarge}}, 1},             // 1 is with the odd ones
           Case{{{0, kLarge}, {2, 1}, {4, -kLarge}}, 0},             // ties to even: lost
           Case{{{0, kLarge}, {2, 3}, {4, -kLarge}}, 4},             // ties to even: up
           Case{{{0, kLarge}, {32, 1}, {34, 1}, {64, -kLarge}}, 2},  // 1 + 1 first
           Case{{{0, kLarge}, {32, 1}, {64, 1}, {96, -kLarge}}, 0},  // one after the other
       }) {
    const int64_t k = 128;
    FloatBuffer x(k), w(k);
    std::fill_n(x.data(), k, 0.0f);
    std::fill_n(w.data(), k, 1.0f);
    for (const auto& [at, v] : c.numbers) x.data()[at] = v;
    float y = -1;
    multiply_bf16(GetParam().bfloat16, x.data(), w.data(), nullptr, 1, 1, k, false, &y, 1);
    EXPECT_EQ(y, c.sum) << c.numbers.size() << " numbers, the second at " << c.numbers[1].first;
  }
  // (1 + 2^-7)^2 - (1 + 2^-6) = 2^-14, and the product alone has 15 bits more than 1.
  const float a = 1 + 0x1p-7f, b = 1 + 0x1p-6f;
  FloatBuffer x(4), w(4);
  const float xs[] = {a, 0, -b, 0}, ws[] = {a, 0, 1, 0};
  std::copy_n(xs, 4, x.data());
  std::copy_n(ws, 4, w.data());
  float y = -1;
  multiply_bf16(GetParam().bfloat16, x.data(), w.data(), nullptr, 1, 1, 4, false, &y, 1);
  EXPECT_EQ(y, 0x1p-14f);
}

// Numbers too small to be normal count as 0: those of rows and weights, products, sums.
TEST_P(Amx, SmallNumbersAreZero) {
  // Products are multiples of 2^-149, so that sums below 2^-126 are exact: there is no doubt which
  // of them are too small.
  const int64_t m = 19, n = 37, k = 97;
  auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng);
  const auto small = [&](FloatBuffer* b, int64_t count) {
    for (int64_t i = 0; i < count; ++i) b->data()[i] = std::nearbyint(b->data()[i] * 16) * 0x1p-67f;
  };
  small(&x, m * k);
  small(&w, n * k);
  expect_tile_sums(GetParam(), x, w, nullptr, m, n, k, false);
  // By hand: 2^-127 in a row; a product of 2^-127; 1.5 2^-126 - 2^-126 in one step, and in two.
  const auto one = [&](const std::vector<float>& row, const std::vector<float>& weight) {
    const auto count = static_cast<int64_t>(row.size());
    FloatBuffer a(count), b(count);
    std::copy(row.begin(), row.end(), a.data());
    std::copy(weight.begin(), weight.end(), b.data());
    float y = -1;
    multiply_bf16(GetParam().bfloat16, a.data(), b.data(), nullptr, 1, 1, count, false, &y, 1);
    return y;
  };
  EXPECT_EQ(one({0x1p-127f}, {0x1p100f}), 0.0f);
  EXPECT_EQ(one({0x1p100f}, {0x1p-127f}), 0.0f);
  EXPECT_EQ(one({0x1p-126f}, {0x1p100f}), 0x1p-26f);
  EXPECT_EQ(one({0x1p-64f}, {0x1p-63f}), 0.0f);
  EXPECT_EQ(one({0x1p-63f}, {0x1p-63f}), 0x1p-126f);
  EXPECT_EQ(one({0x1.8p-63f, 0, -0x1p-63f}, {0x1p-63f, 0, 0x1p-63f}), 0.0f);
  std::vector<float> row(40), weight(40, 0x1p-63f);
  row[0] = 0x1.8p-63f;
  row[1] = -0x1p-63f;
  EXPECT_EQ(one(row, weight), 0.0f);
  row[33] = 0x1p-63f;
  EXPECT_EQ(one(row, weight), 0x1p-126f);
  std::swap(row[1], row[39]);
  EXPECT_EQ(one(row, weight), 0x1.8p-126f);
}

// What is not finite spreads as far as its row, whatever the padding.
TEST_P(Amx, NotFiniteNumbersStayInTheirRow) {
  const int64_t m = 20, n = 33, k = 35;
  auto x = random_floats(m * k, 1, &rng);
  const auto w = random_floats(n * k, 1, &rng);
  x.data()[3 * k + 34] = std::numeric_limits<float>::infinity();
  x.data()[18 * k] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> y(static_cast<size_t>(m * n));
  multiply_bf16(GetParam().bfloat16, x.data(), w.data(), nullptr, m, n, k, false, y.data(), n);
  for (int64_t r = 0; r < m; ++r) {
    for (int64_t j = 0; j < n; ++j)
      ASSERT_EQ(std::isfinite(y[static_cast<size_t>(r * n + j)]), r != 3 && r != 18) << r;
  }
}

// Few rows of int8 are multiplied without tiles: the same bits, in every part of the rows.
TEST_P(Amx, RowsOfInt8DoNotDependOnTheirNumber) {
  const Product& p = GetParam().int8;
  for (const int64_t n : {1, 16, 47, 100}) {
    for (const int64_t k : {1, 63, 64, 130, 1100, 2500}) {
      const int64_t m = 70;
      const auto x = random_floats(m * k, 1, &rng), bias = random_floats(n, 1, &rng);
      const auto w = random_floats(n * k, 1, &rng);
      std::vector<int8_t> q(static_cast<size_t>(n * k));
      std::vector<float> scale(static_cast<size_t>(n));
      for (int64_t j = 0; j < n; ++j)
        scale[static_cast<size_t>(j)] = quantise_row(w.data() + j * k, k, q.data() + j * k);
      ByteBuffer packed(round_up(n) * p.column_bytes(k)), rows(m * p.row_bytes(k));
      p.pack_int8(q.data(), scale.data(), n, k, packed.data());
      p.prepare(x.data(), k, m, k, rows.data());
      for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
        std::vector<float> whole(static_cast<size_t>(m * n)), part(whole);
        p.multiply(rows.data(), p.row_bytes(k), m, packed.data(), b, n, k, whole.data(), n);
        for (const int64_t count : {1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 48, 65}) {
          const int64_t first = std::min<int64_t>(3, m - count);
          p.multiply(rows.data() + first * p.row_bytes(k), p.row_bytes(k), count, packed.data(), b,
                     n, k, part.data(), n);
          ASSERT_EQ(std::memcmp(part.data(), whole.data() + first * n,
                                sizeof(float) * static_cast<size_t>(count * n)),
                    0)
              << count << " rows, n " << n << ", k " << k;
        }
      }
    }
  }
}

// The order of accumulate is that of vdpbf16ps: halves of k at any even k are the whole.
TEST_P(Amx, HalvesAccumulateToTheWhole) {
  const Product& p = GetParam().bfloat16;
  for (const int64_t m : {1, 5, 33}) {
    for (const auto& [n, k, half] : {std::array<int64_t, 3>{40, 70, 34}, {17, 1601, 2}}) {
      const auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng);
      const auto xr = as_bfloat16(x, m * k), wr = as_bfloat16(w, n * k);
      const auto begin = random_floats(m * n, 1, &rng);
      std::vector<float> whole(begin.data(), begin.data() + m * n), halves(whole);
      const auto add = [&](int64_t from, int64_t count, std::vector<float>* y) {
        ByteBuffer packed(round_up(n) * p.column_bytes(count)), rows(m * p.row_bytes(count));
        p.pack(w.data() + from, k, n, count, packed.data());
        p.prepare(x.data() + from, k, m, count, rows.data());
        p.accumulate(rows.data(), p.row_bytes(count), m, packed.data(), n, count, y->data(), n);
      };
      add(0, k, &whole);
      add(0, half, &halves);
      add(half, k - half, &halves);
      ASSERT_EQ(whole, halves) << "m " << m << ", n " << n << ", k " << k;
      for (int64_t i = 0; i < m * n; ++i) {
        double sum = begin.data()[i], size = std::abs(sum);
        for (int64_t c = 0; c < k; ++c) {
          const double v = static_cast<double>(xr[static_cast<size_t>(i / n * k + c)]) *
                           wr[static_cast<size_t>(i % n * k + c)];
          sum += v;
          size += std::abs(v);
        }
        ASSERT_NEAR(whole[static_cast<size_t>(i)], sum,
                    static_cast<double>(k + 2) * 0x1p-24 * size);
      }
    }
  }
}

// What the peak of a machine is measured with.
TEST_P(Amx, SpinCountsItsProducts) {
  EXPECT_EQ(GetParam().bfloat16.spin(3), 3 * 4 * 16 * 16 * 32);
  EXPECT_EQ(GetParam().int8.spin(3), 3 * 4 * 16 * 16 * 64);
}

INSTANTIATE_TEST_SUITE_P(Tiles, Amx, testing::ValuesIn(places()),
                         [](const auto& i) { return i.param.name; });

}  // namespace
}  // namespace costeff::kernels
