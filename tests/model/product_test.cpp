// Products with packed weights: numbers worked out by hand, and what a product must leave alone.

#include "model/product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "model/one_layer.h"

namespace costeff::model {
namespace {

using kernels::Activation;
using kernels::KernelTable;
using kernels::Precision;
using kernels::round_up;

class ProductTables : public testing::TestWithParam<const KernelTable*> {
 protected:
  const KernelTable& table() const { return *GetParam(); }

  // w [out, in] and bias [out], packed in float32 or bfloat16.
  PackedLinear packed(Precision precision, const std::vector<float>& w,
                      const std::vector<float>& bias) {
    PackedLinear l;
    l.out = static_cast<int64_t>(bias.size());
    l.in = static_cast<int64_t>(w.size()) / l.out;
    l.precision = precision;
    const kernels::Product& p = table().product(precision);
    std::byte* to = weights_.emplace_back().reserve(round_up(l.out) * p.column_bytes(l.in));
    p.pack(w.data(), l.in, l.out, l.in, to);
    l.weight = to;
    std::fill_n(l.bias.reserve(round_up(l.out)), round_up(l.out), 0.0f);
    std::copy(bias.begin(), bias.end(), l.bias.data());
    return l;
  }

 private:
  std::vector<ByteBuffer> weights_;
};
INSTANTIATE_TEST_SUITE_P(Tables, ProductTables, testing::ValuesIn(every_table()), TableName());

// Small integers are exact in both precisions.
TEST_P(ProductTables, ApplyLinearByHand) {
  const float x[] = {1, 2, 3, /**/ 99, /**/ -1, 0, 2, /**/ 99};  // rows of 3, 4 apart
  for (Precision precision : {Precision::float32, Precision::bfloat16}) {
    const PackedLinear l = packed(precision, {1, 0, -1, /**/ 2, 3, 4}, {10, 20});
    float y[] = {-7, -7, -7, -7, -7, -7};  // rows of 2, 3 apart
    ByteBuffer rows;
    apply_linear(table(), l, x, 4, 2, y, 3, &rows);
    EXPECT_EQ(std::vector<float>(y, y + 6), (std::vector<float>{8, 40, -7, 7, 26, -7}));
  }
}

TEST_P(ProductTables, NoRowsWriteNothing) {
  const PackedLinear l = packed(Precision::float32, {1, 2}, {3});
  float y = -7;
  const float x[] = {1, 1};
  ByteBuffer rows;
  apply_linear(table(), l, x, 2, 0, &y, 1, &rows);
  multiply(table(), {}, l, {x, 8}, 0, &y, 1);
  EXPECT_EQ(y, -7);
}

// Rows in float32 are used in place. In other precisions they go to the buffer, whose size is
// prepared_bytes(); nothing after it is written.
TEST_P(ProductTables, PreparedRowsFitTheirBuffer) {
  std::mt19937_64 rng(test_seed());
  for (Precision precision : {Precision::float32, Precision::bfloat16, Precision::int8}) {
    for (int64_t k : {1, 15, 16, 63, 100}) {
      constexpr int64_t kRows = 5;
      const int64_t ld = k + 3;
      const FloatBuffer x = random_floats(kRows * ld, 1, &rng);
      const int64_t bytes = prepared_bytes(table(), precision, kRows, k);
      EXPECT_EQ(bytes, kRows * prepared_bytes(table(), precision, 1, k));
      ByteBuffer buffer(bytes + 64);
      std::memset(buffer.data() + bytes, 0x5a, 64);
      const PreparedRows rows =
          prepare_rows(table(), precision, {}, x.data(), ld, kRows, k, buffer.data());
      if (table().product(precision).prepare) {
        EXPECT_EQ(rows.data, buffer.data());
        EXPECT_EQ(rows.row_bytes * kRows, bytes);
      } else {
        EXPECT_EQ(bytes, 0);
        EXPECT_EQ(rows.data, x.data());
        EXPECT_EQ(rows.row_bytes, ld * 4);
      }
      for (int64_t i = 0; i < 64; ++i) ASSERT_EQ(buffer.data()[bytes + i], std::byte{0x5a});
    }
  }
}

// A few rows at a time, or all at once, give the same rows. There are more than are done at a time.
TEST_P(ProductTables, ActivatedRowsAreThoseOfActivateAndPrepare) {
  std::mt19937_64 rng(test_seed());
  constexpr int64_t kRows = 40, kK = 700, kLd = 704;
  for (Precision precision : {Precision::float32, Precision::bfloat16, Precision::int8}) {
    FloatBuffer x = random_floats(kRows * kLd, 1, &rng), y(kRows * kLd);
    std::copy_n(x.data(), kRows * kLd, y.data());
    const int64_t bytes = prepared_bytes(table(), precision, kRows, kK);
    ByteBuffer of_x(bytes + 1), of_y(bytes + 1);
    const PreparedRows together = activate_rows(table(), precision, {}, Activation::gelu_erf,
                                                x.data(), kLd, kRows, kK, of_x.data());
    for (int64_t r = 0; r < kRows; ++r)
      table().activate(Activation::gelu_erf, y.data() + r * kLd, kK);
    const PreparedRows apart =
        prepare_rows(table(), precision, {}, y.data(), kLd, kRows, kK, of_y.data());
    ASSERT_EQ(together.row_bytes, apart.row_bytes);
    // What a product makes of them, as rows may have bytes that nothing reads.
    std::vector<float> a(kRows), b(kRows);
    const kernels::Product& p = table().product(precision);
    ByteBuffer packed(round_up(1) * p.column_bytes(kK));
    const std::vector<float> ones(kK, 1.0f);
    const std::vector<int8_t> whole(kK, 1);
    const float scale = 1;
    if (p.pack) {
      p.pack(ones.data(), kK, 1, kK, packed.data());
    } else {
      p.pack_int8(whole.data(), &scale, 1, kK, packed.data());
    }
    p.multiply(together.data, together.row_bytes, kRows, packed.data(), nullptr, 1, kK, a.data(),
               1);
    p.multiply(apart.data, apart.row_bytes, kRows, packed.data(), nullptr, 1, kK, b.data(), 1);
    EXPECT_EQ(a, b);
    EXPECT_GT(*std::max_element(a.begin(), a.end()), 0);
  }
}

// Two threads without a team: each has its part of the columns, and columns after the last one are
// left alone.
TEST_P(ProductTables, PartsOfACrewAreTheWhole) {
  std::mt19937_64 rng(test_seed());
  const int64_t out = 3 * table().panel + 5, in = 9, m = 4, ld = out + 2;
  const FloatBuffer w = random_floats(out * in, 1, &rng), x = random_floats(m * in, 1, &rng);
  const PackedLinear l = packed(Precision::float32, {w.data(), w.data() + out * in},
                                std::vector<float>(static_cast<size_t>(out), 0.5f));
  std::vector<float> whole(static_cast<size_t>(m * ld), -7), parts = whole;
  multiply(table(), {}, l, {x.data(), in * 4}, m, whole.data(), ld);
  for (int64_t rank : {1, 0})
    multiply(table(), {rank, 2, nullptr}, l, {x.data(), in * 4}, m, parts.data(), ld);
  EXPECT_EQ(whole, parts);
  for (int64_t r = 0; r < m; ++r) {
    for (int64_t j = 0; j < out; ++j) {
      double sum = 0.5;
      for (int64_t i = 0; i < in; ++i)
        sum += static_cast<double>(x.data()[r * in + i]) * w.data()[j * in + i];
      ASSERT_NEAR(whole[static_cast<size_t>(r * ld + j)], sum, 1e-5);
    }
    EXPECT_EQ(whole[static_cast<size_t>(r * ld + out)], -7);
  }
}

}  // namespace
}  // namespace costeff::model
