#include "tasks/sweep/sweep.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tasks/sweep/disagreements.h"
#include "tasks/sweep/points.h"
#include "tasks/sweep_rows.h"

namespace costeff::tasks {
namespace {

// Two hands, one answer: costeff eval counts its own way.
TEST(SweepEvaluator, AgreesWithEvaluation) {
  const ModelInfo m = model_info();
  const Evaluated data = random_rows(200, 1);
  SweepEvaluator evaluator(data, m);
  ScoreOptions options;
  options.metrics = {Metric::accuracy};
  for (SweepPoint p : {point(PolicyKind::never, {}), point(PolicyKind::entropy, {0.4}),
                       point(PolicyKind::entropy, {0.8}, 3), point(PolicyKind::margin, {0.5}),
                       point(PolicyKind::max_prob, {0.9, 0.8, 0.7}),
                       point(PolicyKind::patience, {}), point(PolicyKind::fixed, {})}) {
    evaluator.evaluate(&p);
    const Score s = score_policy(data, m, p.policy, options);
    EXPECT_DOUBLE_EQ(p.quality, s.metrics[0].value);
    EXPECT_DOUBLE_EQ(p.interval.low, s.metrics[0].interval.low);
    EXPECT_DOUBLE_EQ(p.mean_layer, s.mean_exit_layer);
    EXPECT_DOUBLE_EQ(p.layers_saved, s.layers_saved);
    EXPECT_DOUBLE_EQ(p.speedup_layers, s.speedup_layers);
    EXPECT_NEAR(p.macs, s.macs, 1e-9 * s.macs);
    EXPECT_NEAR(p.speedup_macs, s.speedup_macs, 1e-12);
    EXPECT_EQ(p.histogram, s.exit_histogram);
  }
}

TEST(SweepEvaluator, WithoutLabelsFullDepthIsTheTruth) {
  const ModelInfo m = model_info();
  Evaluated data = random_rows(100, 2);
  data.labels.clear();
  SweepEvaluator evaluator(data, m);
  SweepPoint never = point(PolicyKind::never, {}), early = point(PolicyKind::entropy, {0.9});
  evaluator.evaluate(&never);
  evaluator.evaluate(&early);
  EXPECT_EQ(never.quality, 1);
  EXPECT_EQ(early.quality, early.agreement);
  EXPECT_LT(early.quality, 1);
}

TEST(SweepEvaluator, RegressionHasCorrelations) {
  const ModelInfo m = model_info(true);
  Evaluated data = random_rows(50, 3, true);
  for (int64_t row = 0; row < 50; ++row)
    data.scores[static_cast<size_t>(row)] =
        2.0 * static_cast<double>(data.table.value[data.table.at(row, 3)]) + 1;
  SweepEvaluator evaluator(data, m);
  SweepPoint never = point(PolicyKind::never, {}), fixed = point(PolicyKind::fixed, {});
  evaluator.evaluate(&never);
  evaluator.evaluate(&fixed);
  EXPECT_NEAR(never.quality, 1, 1e-12);
  EXPECT_NEAR(never.spearman, 1, 1e-12);
  EXPECT_EQ(never.agreement, 0);  // distance
  EXPECT_LT(fixed.quality, 0.9);
  EXPECT_GT(fixed.agreement, 0);
  EXPECT_TRUE(std::isnan(never.interval.low));
}

// Four rows by hand: probabilities 0.95 right, 0.92 wrong, 0.65 right, 0.55 wrong.
TEST(SweepEvaluator, CalibrationErrorByHand) {
  Evaluated data;
  std::vector<Result> results;
  for (const double p : {0.95, 0.92, 0.65, 0.55}) {
    Result& r = results.emplace_back();
    r.tokens = 4;
    ExitOutput& e = r.exits.emplace_back();
    e.layer = 1;
    e.logits = {static_cast<float>(std::log(p / (1 - p))), 0};
  }
  append(results, ProblemType::single_label, &data.table);
  data.labels = {0, 1, 0, 1};
  ModelInfo m = model_info();
  m.layers.resize(1);
  m.exits.resize(1);
  const ExitSummary s = SweepEvaluator(data, m).exit_summary(0);
  ASSERT_EQ(s.bins.size(), 10u);
  EXPECT_EQ(s.bins[9].rows, 2);
  EXPECT_EQ(s.bins[9].right, 1);
  EXPECT_NEAR(s.bins[9].mean_prob, 0.935, 1e-6);
  EXPECT_NEAR(s.ece, (std::abs(1 - 1.87) + std::abs(1 - 0.65) + std::abs(0 - 0.55)) / 4, 1e-6);
  EXPECT_EQ(s.quality, 0.5);
}

TEST(Pareto, NothingBetterAndCheaper) {
  std::vector<SweepPoint> p(5);
  const double macs[] = {10, 20, 20, 30, 40}, quality[] = {0.5, 0.7, 0.8, 0.8, 0.9};
  for (size_t i = 0; i < 5; ++i) {
    p[i].macs = macs[i];
    p[i].quality = quality[i];
  }
  mark_pareto(&p);
  EXPECT_TRUE(p[0].pareto);
  EXPECT_FALSE(p[1].pareto);
  EXPECT_TRUE(p[2].pareto);
  EXPECT_FALSE(p[3].pareto);
  EXPECT_TRUE(p[4].pareto);
  EXPECT_EQ(pick_points(p, 2), (std::vector<size_t>{0, 4}));
  EXPECT_EQ(pick_points(p, 9), (std::vector<size_t>{0, 2, 4}));
}

TEST(Timing, MediansOfInterleavedRounds) {
  SweepTiming t;
  t.seconds = {2, 1, 4};
  finish_timing(100, std::vector<double>{4, 4, 4}, &t);
  EXPECT_EQ(t.rows_per_s, 50);
  EXPECT_EQ(t.rows_per_s_low, 25);
  EXPECT_EQ(t.rows_per_s_high, 100);
  EXPECT_EQ(t.speedup, 2);
}

// Three exits; the first two say `early` with the probability given, the last says 0.
Result early_answers(int early, float prob) {
  Result r;
  for (int64_t l = 1; l <= 3; ++l) {
    ExitOutput& e = r.exits.emplace_back();
    e.layer = l;
    const float p = l < 3 && early == 1 ? 1 - prob + 0.001f * static_cast<float>(l) : prob;
    e.probs = {p, 1 - p};
    e.logits = {std::log(p), std::log(1 - p)};
  }
  return r;
}

TEST(Disagreements, KeepsTheSurestRowsOnceEach) {
  DisagreementKeeper keeper(2);
  std::vector<Example> rows(4);
  std::vector<Result> results;
  for (size_t i = 0; i < 4; ++i) {
    rows[i].text_a = "text " + std::to_string(i);
    rows[i].gold = "g";
  }
  results.push_back(early_answers(1, 0.8f));
  results.push_back(early_answers(0, 0.99f));  // agrees
  results.push_back(early_answers(1, 0.95f));
  results.push_back(early_answers(1, 0.9f));
  ExitTable table;
  append(results, ProblemType::single_label, &table);
  keeper.add(rows, table);
  EXPECT_EQ(keeper.rows(), 3);
  const auto kept = keeper.take();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].row, 2);
  EXPECT_EQ(kept[0].layer, 1);
  EXPECT_EQ(kept[0].early_label, 1);
  EXPECT_EQ(kept[0].last_label, 0);
  EXPECT_EQ(kept[0].text, "text 2");
  EXPECT_EQ(kept[1].row, 3);
}

// What is right now and was not, and the reverse, by hand: full depth answers 0 0 1, the first exit 0 1 0.
TEST(SweepEvaluator, ChangesAgainstFullDepth) {
  const ModelInfo m = model_info();
  Evaluated data;
  std::vector<Result> rows(3);
  const int first[3] = {0, 1, 0}, last[3] = {0, 0, 1};
  for (size_t i = 0; i < 3; ++i) {
    for (int64_t l = 1; l <= 4; ++l) {
      ExitOutput& e = rows[i].exits.emplace_back();
      e.layer = l;
      e.logits = {0, 0, 0};
      e.logits[static_cast<size_t>(l == 1 ? first[i] : last[i])] = 5;
    }
  }
  append(rows, m.problem, &data.table);
  data.labels = {0, 0, 0};
  SweepPoint p = point(PolicyKind::fixed, {});
  p.policy.layer = 1;
  SweepEvaluator evaluator(data, m);
  evaluator.evaluate(&p);
  EXPECT_EQ(p.losses, 1);
  EXPECT_EQ(p.gains, 1);
  EXPECT_DOUBLE_EQ(p.change, 0);
  const AnswerCounts a = evaluator.answer_counts(p.policy);
  EXPECT_EQ(a.confusion.counts, (std::vector<int64_t>{2, 1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(a.by_label[0].both, 2);
  EXPECT_EQ(a.by_label[0].gold, 3);
  EXPECT_EQ(a.by_label[1].answered, 1);
  EXPECT_EQ(evaluator.disagreeing_rows(), 2);
}

// Two hands, one answer, for texts in windows too.
TEST(SweepEvaluator, WindowsAsEvaluationCountsThem) {
  const ModelInfo m = model_info();
  Evaluated data = random_rows(90, 11);
  data.first_window = {0};
  std::mt19937_64 random(3);
  while (data.first_window.back() < 90) {
    data.first_window.push_back(
        std::min<int64_t>(90, data.first_window.back() + 1 + static_cast<int64_t>(random() % 4)));
  }
  data.labels.resize(data.first_window.size() - 1);
  for (const WindowJoin join : {WindowJoin::mean, WindowJoin::max, WindowJoin::first}) {
    data.join = join;
    SweepEvaluator evaluator(data, m);
    ScoreOptions options;
    options.metrics = {Metric::accuracy};
    for (SweepPoint p : {point(PolicyKind::never, {}), point(PolicyKind::entropy, {0.6}),
                         point(PolicyKind::patience, {}), point(PolicyKind::fixed, {})}) {
      evaluator.evaluate(&p);
      const Score s = score_policy(data, m, p.policy, options);
      EXPECT_DOUBLE_EQ(p.quality, s.metrics[0].value);
      EXPECT_DOUBLE_EQ(p.mean_layer, s.mean_exit_layer);
      EXPECT_NEAR(p.macs, s.macs, 1e-9 * s.macs);
      EXPECT_NEAR(p.speedup_macs, s.speedup_macs, 1e-12);
      EXPECT_EQ(p.histogram, s.exit_histogram);
      EXPECT_EQ(evaluator.answer_counts(p.policy).confusion.counts, s.confusion.counts);
    }
    SweepPoint at_two = point(PolicyKind::fixed, {});
    at_two.policy.layer = 2;
    evaluator.evaluate(&at_two);
    EXPECT_DOUBLE_EQ(evaluator.exit_summary(1).quality, at_two.quality);
  }
  const std::vector<int64_t> gold = gold_of_table(data);
  ASSERT_EQ(gold.size(), 90u);
  for (size_t text = 0; text < data.labels.size(); ++text) {
    for (int64_t w = data.first_window[text]; w < data.first_window[text + 1]; ++w)
      EXPECT_EQ(gold[static_cast<size_t>(w)], data.labels[text]);
  }
}

}  // namespace
}  // namespace costeff::tasks
