#include "exit/policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace costeff::exits {
namespace {

ExitScore score_of(std::vector<float> logits, std::vector<float>* probs = nullptr) {
  std::vector<float> p(logits.size());
  const ExitScore s = score_logits({}, logits, p);
  if (probs) *probs = p;
  return s;
}

bool leaves_at(const ExitPolicy& p, int64_t layer, const ExitScore& s) {
  ExitState state;
  return leaves(p, ProblemType::single_label, layer, s, &state);
}

ExitPolicy policy(PolicyKind kind, std::vector<double> thresholds) {
  ExitPolicy p;
  p.kind = kind;
  p.thresholds = std::move(thresholds);
  return p;
}

TEST(ScoreLogits, EvenLogits) {
  std::vector<float> probs;
  const ExitScore s = score_of({1, 1, 1, 1}, &probs);
  EXPECT_EQ(s.label, 0);  // the first on a tie
  EXPECT_FLOAT_EQ(s.prob, 0.25f);
  EXPECT_FLOAT_EQ(s.margin, 0.0f);
  EXPECT_FLOAT_EQ(s.entropy, std::log(4.0f));
  for (float p : probs) EXPECT_FLOAT_EQ(p, 0.25f);
}

TEST(ScoreLogits, KnownValues) {
  std::vector<float> probs;
  const ExitScore s = score_of({0, std::log(3.0f)}, &probs);  // 1/4, 3/4
  EXPECT_EQ(s.label, 1);
  EXPECT_FLOAT_EQ(s.prob, 0.75f);
  EXPECT_FLOAT_EQ(s.margin, 0.5f);
  EXPECT_FLOAT_EQ(s.entropy, static_cast<float>(-0.25 * std::log(0.25) - 0.75 * std::log(0.75)));
  EXPECT_FLOAT_EQ(probs[0], 0.25f);
}

// ln(sum e^x) - sum(x e^x)/sum(e^x) would lose everything here: the terms cancel to 1e-17.
TEST(ScoreLogits, TinyEntropyKeepsItsDigits) {
  const double z = 40, p = std::exp(-z) / (1 + std::exp(-z));
  const double truth = -p * std::log(p) - (1 - p) * std::log1p(-p);
  EXPECT_NEAR(score_of({0, 40}).entropy / truth, 1, 1e-6);
}

TEST(ScoreLogits, UnderflowIsZeroNotNaN) {
  const ExitScore s = score_of({0, 2000, -3e38f});
  EXPECT_EQ(s.entropy, 0.0f);
  EXPECT_EQ(s.prob, 1.0f);
  EXPECT_EQ(s.margin, 1.0f);
}

TEST(ScoreLogits, OneLabel) {
  const ExitScore s = score_of({3.5f});
  EXPECT_EQ(s.entropy, 0.0f);
  EXPECT_EQ(s.prob, 1.0f);
  EXPECT_EQ(s.value, 3.5f);
}

TEST(Leaves, ComparisonsAreStrict) {
  ExitScore s;
  s.entropy = s.prob = s.margin = s.uncertainty = 0.5f;
  for (PolicyKind below : {PolicyKind::entropy, PolicyKind::learned}) {
    EXPECT_FALSE(leaves_at(policy(below, {0.5}), 1, s));
    EXPECT_TRUE(leaves_at(policy(below, {0.5000001}), 1, s));
  }
  for (PolicyKind above : {PolicyKind::max_prob, PolicyKind::margin}) {
    EXPECT_FALSE(leaves_at(policy(above, {0.5}), 1, s));
    EXPECT_TRUE(leaves_at(policy(above, {0.4999999}), 1, s));
  }
  s.entropy = 0;
  EXPECT_FALSE(leaves_at(policy(PolicyKind::entropy, {0.0}), 1, s));
}

TEST(Leaves, ThresholdsByLayerAndExitStart) {
  ExitScore s;
  s.entropy = 0.2f;
  ExitPolicy p = policy(PolicyKind::entropy, {0.1, 0.3, 0.1});
  EXPECT_FALSE(leaves_at(p, 1, s));
  EXPECT_TRUE(leaves_at(p, 2, s));
  EXPECT_FALSE(leaves_at(p, 3, s));
  p.exit_start = 3;
  EXPECT_FALSE(leaves_at(p, 2, s));
}

TEST(Leaves, FixedAndNever) {
  ExitPolicy p;
  EXPECT_FALSE(leaves_at(p, 1, {}));
  p.kind = PolicyKind::fixed;
  p.layer = 2;
  EXPECT_FALSE(leaves_at(p, 1, {}));
  EXPECT_TRUE(leaves_at(p, 2, {}));
}

// The layer at which a sequence of labels leaves; 0 for none.
int64_t patience_exit(int64_t patience, const std::vector<int32_t>& labels) {
  ExitPolicy p;
  p.kind = PolicyKind::patience;
  p.patience = patience;
  ExitState state;
  for (size_t i = 0; i < labels.size(); ++i) {
    ExitScore s;
    s.label = labels[i];
    if (leaves(p, ProblemType::single_label, static_cast<int64_t>(i) + 1, s, &state))
      return static_cast<int64_t>(i) + 1;
  }
  return 0;
}

// Sigmoids 0.8808, 0.5, 0.0474; in float64 by Python's math.
TEST(Sigmoids, ScoresOfTheLeastSureLabel) {
  const std::vector<float> logits{2, 0, -3};
  std::vector<float> probs(3);
  const Scoring half{ProblemType::multi_label, {}};
  const ExitScore s = score_logits(half, logits, probs);
  EXPECT_FLOAT_EQ(probs[0], 0.88079708f);
  EXPECT_FLOAT_EQ(probs[1], 0.5f);
  EXPECT_FLOAT_EQ(probs[2], 0.04742587f);
  EXPECT_FLOAT_EQ(s.prob, 0.5f);
  EXPECT_FLOAT_EQ(s.margin, 0.0f);
  EXPECT_FLOAT_EQ(s.entropy, 0.69314718f);
  std::vector<int32_t> labels;
  choose_labels(half, probs, &labels);
  EXPECT_EQ(labels, std::vector<int32_t>{0});  // 0.5 is not above 0.5

  const std::vector<double> one{0.04}, each{0.9, 0.25, 0.05};
  const ExitScore with_one = score_logits({ProblemType::multi_label, one}, logits, probs);
  EXPECT_FLOAT_EQ(with_one.margin, static_cast<float>(probs[2] - 0.04));
  EXPECT_EQ(with_one.prob, s.prob);  // of the probabilities alone
  choose_labels({ProblemType::multi_label, one}, probs, &labels);
  EXPECT_EQ(labels, (std::vector<int32_t>{0, 1, 2}));
  choose_labels({ProblemType::multi_label, each}, probs, &labels);
  EXPECT_EQ(labels, std::vector<int32_t>{1});
}

TEST(Sigmoids, FarFromZero) {
  const std::vector<float> logits{90, -90, 3e38f, -3e38f};
  std::vector<float> probs(4);
  const ExitScore s = score_logits({ProblemType::multi_label, {}}, logits, probs);
  EXPECT_EQ(probs, (std::vector<float>{1, 8.194013e-40f, 1, 0}));
  EXPECT_EQ(s.prob, 1.0f);
  EXPECT_EQ(s.margin, 0.5f);
  EXPECT_GT(s.entropy, 0.0f);
  EXPECT_LT(s.entropy, 1e-37f);
}

// With thresholds of 0.5 entropy, prob and margin order rows alike.
TEST(Sigmoids, ThreeScoresOrderRowsAlike) {
  std::vector<ExitScore> scores;
  for (int i = 0; i < 60; ++i) {
    const auto x = static_cast<float>(i);
    const std::vector<float> logits{0.1f * x - 2, 1.5f - 0.07f * x, 0.03f * x};
    std::vector<float> probs(3);
    scores.push_back(score_logits({ProblemType::multi_label, {}}, logits, probs));
  }
  for (const ExitScore& a : scores) {
    for (const ExitScore& b : scores) {
      if (a.entropy >= b.entropy) continue;
      EXPECT_GE(a.prob, b.prob);
      EXPECT_GE(a.margin, b.margin);
    }
  }
}

TEST(Patience, CountsAgreementsInARow) {
  EXPECT_EQ(patience_exit(1, {0, 0, 0}), 2);
  EXPECT_EQ(patience_exit(2, {0, 0, 0}), 3);
  EXPECT_EQ(patience_exit(3, {0, 0, 0}), 0);
  EXPECT_EQ(patience_exit(1, {0, 1, 0, 0}), 4);
  EXPECT_EQ(patience_exit(2, {0, 0, 1, 1, 1}), 5);  // disagreement resets the count
  EXPECT_EQ(patience_exit(0, {0, 0, 0}), 0);        // 0: all layers
}

TEST(Patience, RegressionComparesScores) {
  ExitPolicy p = policy(PolicyKind::patience, {0.5});
  p.patience = 2;
  ExitState state;
  std::vector<bool> left;
  for (float v : {1.0f, 1.25f, 1.75f, 1.5f, 1.25f}) {  // 0.5 apart is not below 0.5
    ExitScore s;
    s.value = v;
    left.push_back(
        leaves(p, ProblemType::regression, static_cast<int64_t>(left.size()) + 1, s, &state));
  }
  EXPECT_EQ(left, (std::vector<bool>{false, false, false, false, true}));
  p.thresholds.clear();  // the default 0 never agrees
  state = {};
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(leaves(p, ProblemType::regression, i + 1, {}, &state));
}

// The layer at which a sequence of scores leaves; 0 for none.
int64_t exit_of(const ExitPolicy& p, const std::vector<ExitScore>& scores) {
  ExitState state;
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto layer = static_cast<int64_t>(i) + 1;
    if (leaves(p, ProblemType::single_label, layer, scores[i], &state)) return layer;
  }
  return 0;
}

ExitPolicy in_a_row(PolicyKind kind, int64_t patience, std::vector<double> thresholds,
                    int64_t exit_start = 1) {
  ExitPolicy p = policy(kind, std::move(thresholds));
  p.patience = patience;
  p.exit_start = exit_start;
  return p;
}

TEST(ConfidentPatience, CountsConfidentExitsInARow) {
  const struct {
    const char* name;
    int64_t patience;
    std::vector<double> thresholds;
    std::vector<float> entropies;
    int64_t exit_start, layer;
  } cases[] = {
      {"one is entropy's rule", 1, {0.5}, {0.6f, 0.4f, 0.1f}, 1, 2},
      {"two in a row", 2, {0.5}, {0.4f, 0.4f, 0.4f}, 1, 2},
      {"an unsure one begins anew", 2, {0.5}, {0.4f, 0.6f, 0.4f, 0.1f}, 1, 4},
      {"never enough", 3, {0.5}, {0.4f, 0.4f, 0.6f, 0.4f, 0.4f}, 1, 0},
      {"labels do not matter, below is strict", 2, {0.5}, {0.5f, 0.25f, 0.5f, 0.25f}, 1, 0},
      {"each layer its threshold", 2, {0.1, 0.5, 0.3}, {0.2f, 0.2f, 0.2f}, 1, 3},
      {"exits before the start do not count", 2, {0.5}, {0.1f, 0.1f, 0.1f, 0.1f}, 3, 4},
      {"nothing is below 0", 1, {0}, {0, 0, 0}, 1, 0},
  };
  for (const auto& c : cases) {
    std::vector<ExitScore> scores;
    for (const float v : c.entropies) {
      ExitScore& s = scores.emplace_back();
      s.entropy = v;
      s.label = static_cast<int32_t>(scores.size() % 2);
    }
    const ExitPolicy p =
        in_a_row(PolicyKind::confident_patience, c.patience, c.thresholds, c.exit_start);
    EXPECT_EQ(exit_of(p, scores), c.layer) << c.name;
  }
}

TEST(DivergencePatience, CountsExitsThatDifferLittleFromTheOneBefore) {
  const struct {
    const char* name;
    int64_t patience;
    std::vector<double> thresholds;
    std::vector<float> divergences;  // from the exit before
    int64_t exit_start, layer;
  } cases[] = {
      {"the first exit has none before it", 1, {0.5}, {0, 0.1f}, 1, 2},
      {"two in a row", 2, {0.5}, {0, 0.1f, 0.1f}, 1, 3},
      {"a large one begins anew", 2, {0.5}, {0, 0.1f, 0.6f, 0.1f, 0.1f}, 1, 5},
      {"below is strict", 1, {0.5}, {0, 0.5f, 0.5f}, 1, 0},
      {"each layer its threshold", 1, {9, 0.1, 0.5}, {0, 0.2f, 0.2f}, 1, 3},
      {"the first one looked at has none either", 1, {0.5}, {0, 0, 0, 0}, 2, 3},
      {"equal exits are not below 0", 1, {0}, {0, 0, 0}, 1, 0},
  };
  for (const auto& c : cases) {
    std::vector<ExitScore> scores;
    for (const float v : c.divergences) scores.emplace_back().divergence = v;
    const ExitPolicy p =
        in_a_row(PolicyKind::divergence_patience, c.patience, c.thresholds, c.exit_start);
    EXPECT_EQ(exit_of(p, scores), c.layer) << c.name;
  }
}

TEST(Evidence, AddsUpWhileExitsAgree) {
  struct Answer {
    int32_t label;
    float prob;
  };
  const struct {
    const char* name;
    double threshold;
    std::vector<double> weights;
    std::vector<Answer> answers;
    int64_t exit_start, layer;
  } cases[] = {
      {"one sure exit is enough", 0.5, {1}, {{0, 0.75f}, {0, 1}}, 1, 1},
      {"above is strict", 0.75, {1}, {{0, 0.75f}, {0, 0.5f}}, 1, 2},
      {"three that agree", 1.4, {1}, {{1, 0.5f}, {1, 0.5f}, {1, 0.5f}}, 1, 3},
      {"another label begins anew", 1.4, {1}, {{1, 0.5f}, {1, 0.5f}, {0, 0.5f}, {0, 1}}, 1, 4},
      {"what was lost does not come back", 1.4, {1}, {{1, 1}, {0, 0.5f}, {1, 1}, {1, 0.25f}}, 1, 0},
      {"each layer its weight", 1, {0.5, 0, 0.75}, {{1, 1}, {1, 1}, {1, 1}}, 1, 3},
      {"exits before the start add nothing", 1, {1}, {{1, 1}, {1, 1}, {1, 0.5f}, {1, 0.75f}}, 3, 4},
      {"no weight, no evidence", 0, {0, 0, 0.25}, {{1, 1}, {1, 1}, {1, 1}}, 1, 3},
  };
  for (const auto& c : cases) {
    std::vector<ExitScore> scores;
    for (const Answer& a : c.answers) {
      ExitScore& s = scores.emplace_back();
      s.label = a.label;
      s.prob = a.prob;
    }
    ExitPolicy p = policy(PolicyKind::evidence, {c.threshold});
    p.exit_weights = c.weights;
    p.exit_start = c.exit_start;
    EXPECT_EQ(exit_of(p, scores), c.layer) << c.name;
  }
}

}  // namespace
}  // namespace costeff::exits
