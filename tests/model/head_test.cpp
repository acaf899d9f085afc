#include "model/head.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace costeff::model {
namespace {

// Keeps packed weights alive until the tests end.
Arena& arena() {
  static Arena a;
  return a;
}

const kernels::KernelTable& table() { return kernels::kPortable; }

PackedLinear identity(int64_t n) {
  std::vector<float> w(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i) w[static_cast<size_t>(i * n + i)] = 1;
  PackedLinear p;
  p.out = p.in = n;
  std::byte* packed = arena().allocate(4 * kernels::round_up(n) * n);
  table().float32.pack(w.data(), n, n, n, packed);
  p.weight = packed;
  std::fill_n(p.bias.reserve(kernels::round_up(n)), kernels::round_up(n), 0.0f);
  return p;
}

TEST(Pool, FirstTokenAndMean) {
  const std::vector<float> x = {1, 2, /**/ 3, 4, /**/ 8, 6, /**/ 5, 5};  // 1 token, then 3
  const std::vector<int32_t> start = {0, 1, 4}, real = {1, 3};
  const PackedView view{2, start.data(), real.data()};
  float pooled[4];
  pool(Pooling::first, view, 2, x.data(), pooled);
  EXPECT_EQ(std::vector<float>(pooled, pooled + 4), (std::vector<float>{1, 2, 3, 4}));
  pool(Pooling::mean, view, 2, x.data(), pooled);
  EXPECT_FLOAT_EQ(pooled[0], 1);
  EXPECT_FLOAT_EQ(pooled[2], 16.0f / 3);
  EXPECT_FLOAT_EQ(pooled[3], 5);
}

// The input of an exit's classifier, which is the identity here.
std::vector<float> classifier_input(Head head, int64_t width,
                                    std::vector<std::vector<float>> states, int64_t sequences) {
  HeadWeights w;
  w.classifier = identity(width);
  std::vector<const float*> history;
  for (const auto& s : states) history.push_back(s.data());
  std::vector<float> logits(static_cast<size_t>(sequences * width));
  HeadScratch scratch;
  run_head(table(), head, w, 2, sequences, history.data(), static_cast<int64_t>(history.size()),
           logits.data(), nullptr, &scratch);
  return logits;
}

TEST(RunHead, JoinsTheLastStatesOldestFirst) {
  const std::vector<std::vector<float>> states = {
      {9, 9, 9, 9}, {1, 2, 3, 4}, {5, 6, 7, 8}};  // [2 sequences, 2]
  Head head;
  head.activation = Activation::none;
  head.last_n_hidden = 2;
  EXPECT_EQ(classifier_input(head, 4, states, 2), (std::vector<float>{1, 2, 5, 6, 3, 4, 7, 8}));
  head.hidden_mode = HiddenMode::average;
  EXPECT_EQ(classifier_input(head, 2, states, 2), (std::vector<float>{3, 4, 5, 6}));
  head.last_n_hidden = 1;
  EXPECT_EQ(classifier_input(head, 2, states, 2), (std::vector<float>{5, 6, 7, 8}));
}

TEST(RunHead, ActivationComesAfterThePoolerOrOnThePooledVector) {
  Head head;  // tanh
  const auto out = classifier_input(head, 2, {{0.5f, -2}}, 1);
  EXPECT_NEAR(out[0], std::tanh(0.5), 1e-6);
  EXPECT_NEAR(out[1], std::tanh(-2.0), 1e-6);
}

TEST(RunHead, LearnedExitReadsThePooledVector) {
  Head head;
  head.activation = Activation::relu;
  const PackedLinear pooler = identity(2);
  PackedLinear lte;
  lte.out = 1;
  lte.in = 2;
  const float weight[] = {1, 10};
  std::byte* packed = arena().allocate(4 * kernels::round_up(1) * 2);
  table().float32.pack(weight, 2, 1, 2, packed);
  lte.weight = packed;
  std::fill_n(lte.bias.reserve(16), 16, -1.0f);
  const HeadWeights w{&pooler, &lte, identity(2)};
  const float state[] = {3, -4};  // relu: 3, 0
  const float* history[] = {state};
  float logits[2], uncertain = 0;
  HeadScratch scratch;
  run_head(table(), head, w, 2, 1, history, 1, logits, &uncertain, &scratch);
  EXPECT_EQ(logits[0], 3.0f);
  EXPECT_EQ(logits[1], 0.0f);
  EXPECT_FLOAT_EQ(uncertain, static_cast<float>(1 / (1 + std::exp(-2.0))));  // 3 - 1
}

}  // namespace
}  // namespace costeff::model
