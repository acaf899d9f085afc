// Packing the weights of a file.

#include "model/pack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error_of.h"
#include "base/tensors/half.h"
#include "model/one_layer.h"
#include "model/tensors.h"

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::Precision;
using kernels::round_up;

class Pack : public testing::TestWithParam<const KernelTable*> {
 protected:
  Packer packer(Precision precision) { return {*GetParam(), precision, parameters_, arena_}; }

  Linear linear(const Tensor& weight) { return add_linear(&parameters_, weight); }
  Linear linear(const Tensor& weight, const Tensor& bias) {
    return add_linear(&parameters_, weight, bias);
  }
  // The map of a stack, packed piece by piece.
  PackedLinear pack(Precision precision, const Stack& stack) {
    PackWork::Pieces pieces;
    PackedLinear l = plan_stack(packer(precision), stack, &pieces);
    PackScratch scratch;
    for (const auto& piece : pieces) piece(&scratch);
    return l;
  }
  std::vector<float> apply(const PackedLinear& l, const std::vector<float>& x) {
    std::vector<float> y(x.size() / static_cast<size_t>(l.in) * static_cast<size_t>(l.out));
    ByteBuffer rows;
    apply_linear(*GetParam(), l, x.data(), l.in, static_cast<int64_t>(y.size()) / l.out, y.data(),
                 l.out, &rows);
    return y;
  }

  Parameters parameters_;
  Arena arena_;
  Tensors make_;
};
INSTANTIATE_TEST_SUITE_P(Tables, Pack, testing::ValuesIn(every_table()), TableName());

// Two maps, one below the other, each padded to 3 rows; one has no bias.
TEST_P(Pack, StacksAreFilledUpWithZeros) {
  const Linear a =
      linear(make_.floats("a", {2, 2}, {1, 2, 3, 4}), make_.floats("ab", {2}, {10, 20}));
  const Linear b = linear(make_.floats("b", {1, 2}, {5, 6}));
  const Stack stack({&a, &b}, 3);
  EXPECT_EQ(stack.out(), 6);
  EXPECT_EQ(stack.in(), 2);

  PackScratch scratch;
  read_rows(packer(Precision::float32), stack, 1, 4, &scratch);
  EXPECT_EQ(std::vector<float>(scratch.values.data(), scratch.values.data() + 8),
            (std::vector<float>{3, 4, 0, 0, 5, 6, 0, 0}));
  read_rows(packer(Precision::int8), stack, 1, 4, &scratch);
  EXPECT_EQ(std::vector<int8_t>(scratch.quantised.data(), scratch.quantised.data() + 8),
            (std::vector<int8_t>{95, 127, 0, 0, 106, 127, 0, 0}));
  EXPECT_FLOAT_EQ(scratch.scales.data()[0], 4.0f / 127);
  EXPECT_EQ(scratch.scales.data()[1], 0);
  EXPECT_FLOAT_EQ(scratch.scales.data()[2], 6.0f / 127);

  // Row [1, 1]: sums of the weights and biases; zeros where the stack is padded.
  const PackedLinear l = pack(Precision::float32, stack);
  EXPECT_EQ(apply(l, {1, 1}), (std::vector<float>{13, 27, 0, 11, 0, 0}));
  EXPECT_EQ(apply(pack(Precision::bfloat16, stack), {1, 1}),
            (std::vector<float>{13, 27, 0, 11, 0, 0}));
  for (float bias : std::vector<float>(l.bias.data() + 6, l.bias.data() + round_up(6)))
    EXPECT_EQ(bias, 0);
}

// Numbers that every stored type holds exactly, at any address.
TEST_P(Pack, StoredTypeAndAlignmentDoNotMatter) {
  constexpr int64_t kOut = 37, kIn = 21;
  std::vector<float> w(kOut * kIn);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(static_cast<int>(i % 17) - 8);
  std::vector<uint16_t> half, bfloat;
  std::vector<double> doubles(w.begin(), w.end());
  for (float v : w) {
    half.push_back(float_to_half(v));
    bfloat.push_back(float_to_bfloat16(v));
  }
  std::vector<float> x(kIn), expected(kOut);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 3);
  for (size_t j = 0; j < expected.size(); ++j)
    for (size_t i = 0; i < x.size(); ++i) expected[j] += w[j * kIn + i] * x[i];
  for (const Tensor& t :
       {make_.floats("f32", {kOut, kIn}, w), make_.floats("unaligned", {kOut, kIn}, w, 1),
        make_.make("f16", DType::f16, {kOut, kIn}, half.data()),
        make_.make("bf16", DType::bf16, {kOut, kIn}, bfloat.data(), 1),
        make_.make("f64", DType::f64, {kOut, kIn}, doubles.data())}) {
    const Linear l = linear(t);
    for (Precision precision : {Precision::float32, Precision::bfloat16})
      EXPECT_EQ(apply(pack(precision, Stack(l)), x), expected) << t.name;
  }
}

// Large enough for several pieces and several reads a piece.
TEST_P(Pack, PiecesAreTheWhole) {
  constexpr int64_t kOut = 700, kIn = 1500;
  std::mt19937_64 rng(test_seed());
  const FloatBuffer w = random_floats(kOut * kIn, 1, &rng), x = random_floats(kIn, 1, &rng);
  const Linear l = linear(make_.floats("w", {kOut, kIn}, {w.data(), w.data() + kOut * kIn}));
  PackWork::Pieces pieces;
  const PackedLinear p = plan_stack(packer(Precision::float32), Stack(l), &pieces);
  EXPECT_GT(pieces.size(), 1u);
  PackScratch scratch;
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) (*piece)(&scratch);
  const auto y = apply(p, {x.data(), x.data() + kIn});
  for (int64_t j = 0; j < kOut; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < kIn; ++i)
      sum += static_cast<double>(w.data()[j * kIn + i]) * x.data()[i];
    ASSERT_NEAR(y[static_cast<size_t>(j)], sum, 2e-3) << "column " << j;
  }
}

// int8 weights of a file are used as they are: 3 * 0.5 and -2 * 0.25, not quantised again.
TEST_P(Pack, QuantisedWeightsOfAFileKeepTheirScales) {
  const int8_t q[] = {3, 1, /**/ -2, 4};
  const float scales[] = {0.5f, 0.25f};
  Tensor t = make_.make("w", DType::i8, {2, 2}, q);
  t.scale = reinterpret_cast<const std::byte*>(scales);
  const Linear l = linear(t);
  const auto y = apply(pack(Precision::int8, Stack(l)), {1, 0});
  EXPECT_NEAR(y[0], 1.5, 1e-6);
  EXPECT_NEAR(y[1], -0.5, 1e-6);
  EXPECT_EQ(apply(pack(Precision::float32, Stack(l)), {1, 1}), (std::vector<float>{2, 0.5f}));
}

// Errors name the file, the tensor and the element, in every precision.
TEST_P(Pack, WhatIsNotFiniteIsNamed) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinite = std::numeric_limits<float>::infinity();
  for (Precision precision : {Precision::float32, Precision::bfloat16, Precision::int8}) {
    for (float bad : {nan, infinite, -infinite}) {
      const Linear l = linear(make_.floats("w", {2, 2}, {1, 2, 3, bad}));
      const std::string message = error_of(ErrorKind::model, [&] { pack(precision, Stack(l)); });
      EXPECT_NE(message.find("m: tensor w: "), std::string::npos) << message;
      EXPECT_NE(message.find("expected finite numbers"), std::string::npos) << message;
    }
    const Linear l = linear(make_.floats("w", {1, 1}, {1}), make_.floats("b", {1}, {nan}));
    const std::string message = error_of(ErrorKind::model, [&] { pack(precision, Stack(l)); });
    EXPECT_NE(message.find("m: tensor b: "), std::string::npos) << message;
  }
  const int8_t q[] = {1, 2};
  const float scales[] = {1, nan};
  Tensor t = make_.make("w", DType::i8, {2, 1}, q);
  t.scale = reinterpret_cast<const std::byte*>(scales);
  const Linear l = linear(t);
  EXPECT_EQ(error_of(ErrorKind::model, [&] { pack(Precision::int8, Stack(l)); }),
            "m: tensor w: the scale of row 1 is not finite, expected finite numbers");
}

TEST_P(Pack, TooManyInputsForInt8AreRefused) {
  const int64_t in = kernels::kMaxInt8Inputs + 1;
  const Linear l =
      linear(make_.floats("w", {1, in}, std::vector<float>(static_cast<size_t>(in), 1)));
  EXPECT_EQ(error_of(ErrorKind::model, [&] { pack(Precision::int8, Stack(l)); }),
            "m: tensor w: has 65537 inputs, expected at most 65536 in int8");
}

}  // namespace
}  // namespace costeff::model
