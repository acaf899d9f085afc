#include "exit/kept_probs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace costeff::exits {
namespace {

using Probs = std::vector<float>;

// By its definition: the mean of the two KL divergences from the mean.
double by_definition(const Probs& p, const Probs& q) {
  const auto part = [](double a, double b) { return a > 0 ? a * std::log(2 * a / (a + b)) : 0; };
  double sum = 0;
  for (size_t c = 0; c < p.size(); ++c) sum += (part(p[c], q[c]) + part(q[c], p[c])) / 2;
  return sum;
}

TEST(Divergence, OfDistributions) {
  const std::vector<std::pair<Probs, Probs>> pairs = {{{0.5f, 0.5f}, {0.25f, 0.75f}},
                                                      {{0.1f, 0.2f, 0.7f}, {0.6f, 0.3f, 0.1f}},
                                                      {{1, 0, 0}, {0.5f, 0.25f, 0.25f}},
                                                      {{0, 0.5f, 0.5f}, {0, 0.5f, 0.5f}}};
  for (const auto& [p, q] : pairs) {
    const float there = divergence(ProblemType::single_label, p, q);
    EXPECT_NEAR(there, by_definition(p, q), 1e-7);
    EXPECT_EQ(there, divergence(ProblemType::single_label, q, p));
    EXPECT_EQ(divergence(ProblemType::single_label, p, p), 0);
  }
  EXPECT_EQ(divergence(ProblemType::single_label, Probs{1, 0}, Probs{0, 1}),
            static_cast<float>(std::numbers::ln2));
}

// Near each other it is (p - q)^2 / (8 m), added up; the definition's terms would cancel.
TEST(Divergence, SmallOnesKeepTheirDigits) {
  const Probs p{0.5f, 0.5f}, q{0.5f + 0x1p-20f, 0.5f - 0x1p-20f};
  EXPECT_NEAR(divergence(ProblemType::single_label, p, q) / (0x1p-40 / 2), 1, 1e-5);
}

// The mean over the labels of what {p, 1 - p} and {q, 1 - q} differ by.
TEST(Divergence, OfSetsOfLabels) {
  const Probs p{0.5f, 1, 0.25f}, q{0.25f, 0, 0.25f};
  const double truth = (by_definition({0.5f, 0.5f}, {0.25f, 0.75f}) + std::numbers::ln2 + 0) / 3;
  EXPECT_NEAR(divergence(ProblemType::multi_label, p, q), truth, 1e-7);
}

TEST(KeptNumbers, OnlyForPoliciesThatReadThem) {
  ExitPolicy p;
  p.patience = 2;
  p.average = true;
  for (const PolicyKind kind :
       {PolicyKind::never, PolicyKind::entropy, PolicyKind::patience, PolicyKind::evidence}) {
    p.kind = kind;
    EXPECT_EQ(kept_numbers(p, 5), 0);
  }
  p.kind = PolicyKind::divergence_patience;
  EXPECT_EQ(kept_numbers(p, 5), 5);
  p.kind = PolicyKind::confident_patience;
  EXPECT_EQ(kept_numbers(p, 5), 5);
  p.patience = 1;  // the mean of one is that one
  EXPECT_EQ(kept_numbers(p, 5), 0);
  p.patience = 2;
  p.average = false;
  EXPECT_EQ(kept_numbers(p, 5), 0);
}

TEST(KeepProbs, TheDivergenceFromTheExitBefore) {
  ExitPolicy p;
  p.kind = PolicyKind::divergence_patience;
  p.patience = 9;
  p.thresholds = {1};
  p.exit_start = 2;
  const std::vector<Probs> exits{{0, 1}, {0.5f, 0.5f}, {0.25f, 0.75f}, {0.25f, 0.75f}};
  ExitState state;
  Probs kept(2);
  std::vector<float> found;
  for (size_t e = 0; e < exits.size(); ++e) {
    const auto layer = static_cast<int64_t>(e) + 1;
    ExitScore s;
    keep_probs(p, ProblemType::single_label, layer, exits[e], state, kept, &s);
    leaves(p, ProblemType::single_label, layer, s, &state);
    found.push_back(s.divergence);
  }
  // Layer 1 is not looked at, so layer 2 has none before it.
  const float d = divergence(ProblemType::single_label, exits[1], exits[2]);
  EXPECT_EQ(found, (std::vector<float>{0, 0, d, 0}));
  EXPECT_EQ(state.agreed, 2);
}

// The sums that an average is made of, at the exit that rows leave by.
TEST(AverageAnswer, OfTheExitsInARowAlone) {
  ExitPolicy p;
  p.kind = PolicyKind::confident_patience;
  p.patience = 2;
  p.average = true;
  p.thresholds = {0.6};
  const std::vector<Probs> exits{{0.875f, 0.125f}, {0.5f, 0.5f}, {0.25f, 0.75f}, {0, 1}};
  const std::vector<float> entropies{0.377f, 0.693f, 0.562f, 0};
  ExitState state;
  Probs kept(2);
  ExitScore s;
  for (size_t e = 0; e < exits.size(); ++e) {
    const auto layer = static_cast<int64_t>(e) + 1;
    s = {};
    s.entropy = entropies[e];
    s.value = 7;
    keep_probs(p, ProblemType::single_label, layer, exits[e], state, kept, &s);
    EXPECT_EQ(leaves(p, ProblemType::single_label, layer, s, &state), e == 3);
  }
  average_answer({}, 2, kept, &s);
  EXPECT_EQ(kept, (Probs{0.125f, 0.875f}));
  EXPECT_EQ(s.label, 1);
  EXPECT_EQ(s.prob, 0.875f);
  EXPECT_EQ(s.margin, 0.75f);
  EXPECT_FLOAT_EQ(s.entropy,
                  static_cast<float>(-0.125 * std::log(0.125) - 0.875 * std::log(0.875)));
  EXPECT_EQ(s.value, 7);
}

TEST(AverageAnswer, TheFirstOnATieAndSmallEntropies) {
  Probs kept{2, 1, 2};
  ExitScore s;
  average_answer({}, 5, kept, &s);
  EXPECT_EQ(s.label, 0);
  EXPECT_EQ(s.margin, 0);
  // 1 - 1e-9 is 1 as a float; its part of the entropy is not lost.
  kept = {2, 2e-9f};
  average_answer({}, 2, kept, &s);
  EXPECT_NEAR(s.entropy / (1e-9 * (1 - std::log(1e-9))), 1, 1e-5);
  kept = {2, 0};
  average_answer({}, 2, kept, &s);
  EXPECT_EQ(s.entropy, 0);
}

TEST(AverageAnswer, OfSetsOfLabels) {
  const std::vector<double> thresholds{0.5, 0.25, 0.5};
  Probs kept{0.5f, 1, 2};  // 1/4, 1/2, 1
  ExitScore s;
  s.label = 3;
  average_answer({ProblemType::multi_label, thresholds}, 2, kept, &s);
  EXPECT_EQ(s.prob, 0.5f);                     // the least max(p, 1 - p)
  EXPECT_EQ(s.margin, 0.25f);                  // the least |p - t|
  EXPECT_FLOAT_EQ(s.entropy, std::log(2.0f));  // the largest of a label
  EXPECT_EQ(s.label, 3);                       // the caller numbers sets
  kept = {0, 2};
  average_answer({ProblemType::multi_label, {}}, 2, kept, &s);
  EXPECT_EQ(s.entropy, 0);
  EXPECT_EQ(s.prob, 1);
}

}  // namespace
}  // namespace costeff::exits
