#include "prune/drawn_answers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace costeff::prune {
namespace {

TEST(DrawnAnswers, ClassesByTheirProbabilities) {
  const std::vector<float> logits{1.0f, -0.5f, 2.0f};
  double sum = 0;
  for (const float z : logits) sum += std::exp(z);
  DrawnAnswers draws(7);
  std::vector<int> counts(logits.size());
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) ++counts[static_cast<size_t>(draws.label(logits))];
  for (size_t c = 0; c < counts.size(); ++c)
    EXPECT_NEAR(counts[c] / double{kDraws}, std::exp(logits[c]) / sum, 0.015) << c;
}

TEST(DrawnAnswers, ACertainClassIsDrawn) {
  DrawnAnswers draws(1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(draws.label(std::vector<float>{-1000, 1000, -1000}), 1);
    EXPECT_EQ(draws.label(std::vector<float>{3e38f, -3e38f}), 0);
    EXPECT_EQ(draws.label(std::vector<float>{0}), 0);
  }
}

TEST(DrawnAnswers, ScoresWithNormalNoise) {
  DrawnAnswers draws(3);
  constexpr int kDraws = 20000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double noise = static_cast<double>(draws.score(2.5f)) - 2.5;
    sum += noise;
    squares += noise * noise;
    fourth += noise * noise * noise * noise;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.03);
  EXPECT_NEAR(squares / kDraws, 1, 0.05);
  EXPECT_NEAR(fourth / kDraws, 3, 0.3);
}

TEST(DrawnAnswers, TheSeedDecides) {
  const std::vector<float> logits{0, 0, 0, 0};
  const auto drawn = [&](uint64_t seed) {
    DrawnAnswers draws(seed);
    std::vector<int32_t> labels;
    for (int i = 0; i < 50; ++i) labels.push_back(draws.label(logits));
    return labels;
  };
  EXPECT_EQ(drawn(1), drawn(1));
  EXPECT_NE(drawn(1), drawn(2));
}

}  // namespace
}  // namespace costeff::prune
