#include <costeff/error.h>
#include <costeff/exit_table.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error_of.h"
#include "exit/kept_probs.h"

namespace costeff {
namespace {

Result row_of(const std::vector<std::vector<float>>& logits, int64_t tokens = 5,
              const std::vector<int64_t>& layers = {}, const std::vector<float>& uncertainty = {}) {
  Result r;
  r.tokens = tokens;
  for (size_t e = 0; e < logits.size(); ++e) {
    ExitOutput& out = r.exits.emplace_back();
    out.layer = layers.empty() ? static_cast<int64_t>(e) + 1 : layers[e];
    out.logits = logits[e];
    if (!uncertainty.empty()) out.uncertainty = uncertainty[e];
  }
  return r;
}

ExitPolicy policy(PolicyKind kind, std::vector<double> thresholds = {}) {
  ExitPolicy p;
  p.kind = kind;
  p.thresholds = std::move(thresholds);
  return p;
}

// Two rows of a model with exits at layers 2, 4 and 6. Row 0 is confident at once, row 1 at layer 4, of
// another label.
ExitTable two_rows() {
  ExitTable t;
  const std::vector<Result> rows{row_of({{4, 0}, {4, 0}, {5, 0}}, 7, {2, 4, 6}),
                                 row_of({{0.1f, 0}, {0, 4}, {1, 0}}, 3, {2, 4, 6})};
  append(rows, ProblemType::single_label, &t);
  return t;
}

std::vector<int64_t> layers_of(const ExitTable& t, const ExitPolicy& p) {
  std::vector<int64_t> out;
  for (const Decision& d : decide(t, p)) out.push_back(d.layer);
  return out;
}

using Layers = std::vector<int64_t>;

TEST(ExitTable, HoldsWhatTheExitsSaid) {
  const ExitTable t = two_rows();
  EXPECT_EQ(t.rows(), 2);
  EXPECT_EQ(t.exits(), 3);
  EXPECT_EQ(t.num_labels, 2);
  EXPECT_EQ(t.layers, (Layers{2, 4, 6}));
  EXPECT_EQ(t.tokens, (std::vector<int32_t>{7, 3}));
  EXPECT_EQ(t.label, (std::vector<int32_t>{0, 0, 0, 0, 1, 0}));
  EXPECT_FLOAT_EQ(t.prob[t.at(1, 1)], 1 / (1 + std::exp(-4.0f)));
  EXPECT_FLOAT_EQ(t.margin[t.at(1, 1)], std::tanh(2.0f));
  EXPECT_EQ(t.value[t.at(1, 2)], 1.0f);
  EXPECT_EQ(t.uncertainty[0], -1.0f);
}

TEST(Decide, EveryKindOfPolicy) {
  const ExitTable t = two_rows();
  EXPECT_EQ(layers_of(t, {}), (Layers{6, 6}));
  EXPECT_EQ(layers_of(t, policy(PolicyKind::entropy, {0.2})), (Layers{2, 4}));
  EXPECT_EQ(layers_of(t, policy(PolicyKind::entropy, {1})), (Layers{2, 2}));
  EXPECT_EQ(layers_of(t, policy(PolicyKind::max_prob, {0.9})), (Layers{2, 4}));
  EXPECT_EQ(layers_of(t, policy(PolicyKind::margin, {0.99})), (Layers{6, 6}));
  // One for each layer of the model, not for each exit: the second belongs to layer 2.
  EXPECT_EQ(layers_of(t, policy(PolicyKind::entropy, {9, 0, 9, 0.2, 9})), (Layers{4, 4}));
  ExitPolicy p = policy(PolicyKind::patience);
  p.patience = 1;
  EXPECT_EQ(layers_of(t, p), (Layers{4, 6}));
  p.exit_start = 3;  // the exit at layer 2 does not count, so the one at 4 agrees with none
  EXPECT_EQ(layers_of(t, p), (Layers{6, 6}));
  p = policy(PolicyKind::fixed);
  p.layer = 4;
  p.exit_start = 6;
  EXPECT_EQ(layers_of(t, p), (Layers{4, 4}));
}

TEST(Decide, AnswersOfTheExitThatIsLeftBy) {
  const ExitTable t = two_rows();
  const std::vector<Decision> d = decide(t, policy(PolicyKind::entropy, {0.2}));
  EXPECT_EQ(d[1].exit, 1);
  EXPECT_EQ(d[1].label, 1);
  EXPECT_EQ(d[1].prob, t.prob[t.at(1, 1)]);
  EXPECT_EQ(d[1].entropy, t.entropy[t.at(1, 1)]);
}

TEST(Decide, ExitsInARow) {
  const ExitTable t = two_rows();
  ExitPolicy p = policy(PolicyKind::confident_patience, {0.2});
  p.patience = 2;
  EXPECT_EQ(layers_of(t, p), (Layers{4, 6}));
  p.thresholds = {1};
  EXPECT_EQ(layers_of(t, p), (Layers{4, 4}));
  p = policy(PolicyKind::divergence_patience, {0.01});
  p.patience = 1;
  EXPECT_EQ(layers_of(t, p), (Layers{4, 6}));
  p.thresholds = {0.5};  // row 1 turns from one label to the other: 0.26
  EXPECT_EQ(layers_of(t, p), (Layers{4, 4}));
  p = policy(PolicyKind::evidence, {0.97});
  p.exit_weights = {0, 0.5, 0, 1, 0};  // layers 2 and 4 have the exits
  EXPECT_EQ(layers_of(t, p), (Layers{4, 4}));
  p.thresholds = {0.99};  // row 1 has another label at layer 2, which adds nothing
  EXPECT_EQ(layers_of(t, p), (Layers{4, 6}));
}

TEST(Decide, AnswersWithTheAverage) {
  const ExitTable t = two_rows();
  ExitPolicy p = policy(PolicyKind::confident_patience, {1});
  p.patience = 2;
  p.average = true;
  // Row 1: 0.525 and 0.018 for label 0.
  const auto first = [](float z) { return 1 / (1 + std::exp(-static_cast<double>(z))); };
  const double mean = 1 - (first(0.1f) + first(-4)) / 2;
  const std::vector<Decision> d = decide(t, p);
  EXPECT_EQ(d[0].prob, t.prob[t.at(0, 0)]);  // of two that are the same
  EXPECT_EQ(d[1].layer, 4);
  EXPECT_EQ(d[1].label, 1);
  EXPECT_NEAR(d[1].prob, mean, 1e-6);
  EXPECT_NEAR(d[1].entropy, -mean * std::log(mean) - (1 - mean) * std::log(1 - mean), 1e-6);
  EXPECT_EQ(d[1].value, t.value[t.at(1, 1)]);  // logits are those of the exit
  EXPECT_EQ(labels_by_exit(t, p), t.label);
  // With three the last exit would be in the average: rows that reach it get its own answer.
  p.patience = 3;
  for (size_t row = 0; row < 2; ++row)
    EXPECT_EQ(decide(t, p)[row].prob, t.prob[t.at(static_cast<int64_t>(row), 2)]);
}

TEST(Decide, AnAverageMayBeAnAnswerThatNoExitGave) {
  ExitTable t;
  // 0.55 0.45 0, then 0 0.45 0.55: together 0.275 0.45 0.275.
  const auto logs = [](float a, float b, float c) {
    return std::vector<float>{std::log(a), std::log(b), std::log(c)};
  };
  append(std::vector<Result>{row_of(
             {logs(0.55f, 0.45f, 1e-9f), logs(1e-9f, 0.45f, 0.55f), logs(0.9f, 0.05f, 0.05f)})},
         ProblemType::single_label, &t);
  ExitPolicy p = policy(PolicyKind::confident_patience, {1});
  p.patience = 2;
  EXPECT_EQ(decide(t, p)[0].label, 2);
  p.average = true;
  EXPECT_EQ(decide(t, p)[0].label, 1);
  EXPECT_EQ(labels_by_exit(t, p), (std::vector<int32_t>{0, 1, 0}));
}

TEST(Decide, AverageOfSetsOfLabels) {
  ExitTable t;
  // Labels {0}, then {1}; on average both are at 0.6.
  const auto logit = [](double p) { return static_cast<float>(std::log(p / (1 - p))); };
  append(
      std::vector<Result>{row_of({{logit(0.9), logit(0.3)}, {logit(0.3), logit(0.9)}, {-1, -1}})},
      ProblemType::multi_label, &t);
  ExitPolicy p = policy(PolicyKind::confident_patience, {1});
  p.patience = 2;
  EXPECT_EQ(t.label_sets.at(static_cast<int32_t>(decide(t, p)[0].label)), std::vector<int32_t>{1});
  p.average = true;
  const Decision d = decide(t, p)[0];
  EXPECT_EQ(t.label_sets.at(static_cast<int32_t>(d.label)), (std::vector<int32_t>{0, 1}));
  EXPECT_NEAR(d.prob, 0.6, 1e-6);
  EXPECT_EQ(labels_by_exit(t, p)[1], d.label);
  EXPECT_NEAR(t.divergence[1],
              (2 * exits::divergence(ProblemType::multi_label, std::vector<float>{0.9f},
                                     std::vector<float>{0.3f})) /
                  2,
              1e-6);
}

TEST(Decide, LearnedAndRegression) {
  ExitTable t;
  append(std::vector<Result>{row_of({{1}, {2}, {2.05f}}, 4, {}, {0.5f, 0.1f, 0.1f})},
         ProblemType::regression, &t);
  EXPECT_EQ(layers_of(t, policy(PolicyKind::learned, {0.2})), (Layers{2}));
  ExitPolicy p = policy(PolicyKind::patience, {0.1});
  p.patience = 1;
  EXPECT_EQ(decide(t, p)[0].value, 2.05f);
  p.thresholds = {1.5};
  EXPECT_EQ(decide(t, p)[0].value, 2.0f);
}

TEST(Decide, RefusesWhatTheEngineRefuses) {
  const ExitTable t = two_rows();
  const auto text = [&](const ExitPolicy& p) {
    return error_of(ErrorKind::usage, [&] { decide(t, p); });
  };
  ExitPolicy fixed = policy(PolicyKind::fixed);
  fixed.layer = 3;
  EXPECT_EQ(text(fixed), "no exit at layer 3; this model has exits at layer 2, 4, 6");
  EXPECT_EQ(text(policy(PolicyKind::learned, {0.5})),
            "policy learned needs a model with a learned exit (BERxiT)");
  EXPECT_EQ(
      text(policy(PolicyKind::entropy, {1, 2})),
      "policy entropy: 2 thresholds, expected one, or one for each of 6 layers (the last may be "
      "left out)");
  ExitTable score;
  append(std::vector<Result>{row_of({{1}, {2}})}, ProblemType::regression, &score);
  EXPECT_THROW(decide(score, policy(PolicyKind::entropy, {1})), Error);
}

TEST(ExitTable, RefusesRowsOfAnotherModel) {
  ExitTable t = two_rows();
  EXPECT_THROW(append(std::vector<Result>{row_of({{1, 2}, {1, 2}})}, ProblemType::single_label, &t),
               Error);
  EXPECT_THROW(append(std::vector<Result>{row_of({{1}, {2}, {3}}, 3, {2, 4, 6})},
                      ProblemType::single_label, &t),
               Error);
  EXPECT_THROW(append(std::vector<Result>{Result{}}, ProblemType::single_label, &t), Error);
}

TEST(ExitTable, SelectRows) {
  const ExitTable t = two_rows();
  const ExitTable s = select_rows(t, std::vector<int64_t>{1, 0, 1});
  EXPECT_EQ(s.rows(), 3);
  EXPECT_EQ(s.layers, t.layers);
  EXPECT_EQ(s.tokens, (std::vector<int32_t>{3, 7, 3}));
  for (int64_t e = 0; e < 3; ++e) {
    EXPECT_EQ(s.entropy[s.at(2, e)], t.entropy[t.at(1, e)]);
    EXPECT_EQ(s.divergence[s.at(2, e)], t.divergence[t.at(1, e)]);
    EXPECT_EQ(s.logits[2 * s.at(1, e)], t.logits[2 * t.at(0, e)]);
  }
}

TEST(Decide, NoRows) { EXPECT_TRUE(decide(ExitTable{}, {}).empty()); }

}  // namespace
}  // namespace costeff
