// Promises about texts in windows, and about labels one by one.

#include <costeff/error.h>
#include <costeff/tune.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "exit/made_up_rows.h"

namespace costeff {
namespace {

constexpr int64_t kLabels = 4;

// Rows of a multi-label model with three exits: the first is less sure, and differs more from the last.
ExitTable multi_label_rows(int64_t rows, uint64_t seed) {
  ExitTable t;
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<Result> results;
  for (int64_t i = 0; i < rows; ++i) {
    Result& r = results.emplace_back();
    float last[kLabels];
    for (float& v : last) v = 3 * normal(random);
    for (int64_t layer = 1; layer <= 3; ++layer) {
      ExitOutput& e = r.exits.emplace_back();
      e.layer = layer;
      for (const float v : last)
        e.logits.push_back(v + static_cast<float>(3 - layer) * normal(random));
    }
  }
  append(results, ProblemType::multi_label, &t);
  return t;
}

TuneGoal label_goal(double limit, double confidence = 0) {
  return {.kind = GoalKind::label_change, .limit = limit, .confidence = confidence};
}

TEST(LabelChange, IsTheShareOfLabelsThatDiffer) {
  const ExitTable t = multi_label_rows(50, 1);
  const auto loss = exit_losses(t, label_goal(0.1), {});
  double all = 0;
  for (int64_t row = 0; row < t.rows(); ++row) {
    for (int64_t e = 0; e < 3; ++e) {
      int differ = 0;
      for (int64_t c = 0; c < kLabels; ++c) {
        const auto at = [&](int64_t exit) {
          return t.logits[t.at(row, exit) * kLabels + static_cast<size_t>(c)] > 0;
        };
        differ += at(e) != at(2);
      }
      EXPECT_FLOAT_EQ(loss[t.at(row, e)], static_cast<float>(differ) / kLabels);
      all += differ;
    }
  }
  EXPECT_GT(all, 20);
  std::vector<int64_t> gold;
  const ExitTable single = made_up_rows(20, 1, false, &gold);
  EXPECT_THROW(calibrate(single, gold, label_goal(0.1), {}, 0), Error);
}

// Whatever the rows that are drawn, at most a share 1 - confidence of the promises is broken.
TEST(LabelChange, PromisesHold) {
  constexpr int kCalibrations = 2000;
  constexpr double kLimit = 0.04, kConfidence = 0.9;
  std::vector<ExitPolicy> sequence;
  for (int i = 0; i <= 24; ++i) {
    ExitPolicy p;
    p.kind = PolicyKind::entropy;
    p.thresholds = {0.7 * i / 24};
    sequence.push_back(p);
  }
  const ExitTable world = multi_label_rows(20000, 99);
  std::vector<double> truth;
  for (const TuneTrial& trial : calibrate(world, {}, label_goal(kLimit), sequence, 0).trials)
    truth.push_back(trial.risk);
  ASSERT_LT(truth.front(), kLimit);
  ASSERT_GT(truth.back(), kLimit);
  std::mt19937_64 random(7);
  int broken = 0, early = 0;
  std::vector<int64_t> drawn(400);
  for (int n = 0; n < kCalibrations; ++n) {
    for (int64_t& row : drawn) row = static_cast<int64_t>(random() % 20000);
    const TuneResult r = calibrate(select_rows(world, drawn), {}, label_goal(kLimit, kConfidence),
                                   sequence, 1 - kConfidence);
    if (r.chosen < 0) continue;
    early += r.trials[static_cast<size_t>(r.chosen)].mean_layer < 3;
    broken += truth[static_cast<size_t>(r.chosen)] > kLimit;
  }
  EXPECT_LE(broken, kCalibrations * (1 - kConfidence));
  EXPECT_GT(early, kCalibrations / 2);  // promises that are not empty
}

// Texts of one window each are rows.
TEST(TextWindows, OfOneEachAreRows) {
  std::vector<int64_t> gold, first;
  const ExitTable t = made_up_rows(200, 3, false, &gold);
  for (int64_t i = 0; i <= t.rows(); ++i) first.push_back(i);
  const auto family = policy_family(PolicyKind::entropy, t);
  const TuneGoal goal{.kind = GoalKind::accuracy_drop, .limit = 0.05, .confidence = 0.9};
  const TuneResult rows = calibrate(t, gold, goal, family, 0.1),
                   texts = calibrate(t, gold, goal, family, 0.1, {first, WindowJoin::mean});
  ASSERT_EQ(rows.trials.size(), texts.trials.size());
  for (size_t i = 0; i < rows.trials.size(); ++i) {
    EXPECT_EQ(rows.trials[i].losses, texts.trials[i].losses);
    EXPECT_EQ(rows.trials[i].gains, texts.trials[i].gains);
    EXPECT_EQ(rows.trials[i].mean_layer, texts.trials[i].mean_layer);
    EXPECT_EQ(rows.trials[i].p_value, texts.trials[i].p_value);
  }
  EXPECT_EQ(rows.chosen, texts.chosen);
}

// Texts of several: their joined answers count, once each.
TEST(TextWindows, CountByText) {
  std::vector<int64_t> gold, first{0};
  const ExitTable t = made_up_rows(300, 4, false, &gold);
  while (first.back() < 300)
    first.push_back(std::min<int64_t>(300, first.back() + 1 + first.size() % 3));
  const size_t texts = first.size() - 1;
  gold.resize(texts);
  const TuneGoal goal{.kind = GoalKind::accuracy_drop, .limit = 0.5};
  ExitPolicy p;
  p.kind = PolicyKind::entropy;
  p.thresholds = {0.5};
  for (const WindowJoin join : {WindowJoin::mean, WindowJoin::max, WindowJoin::first}) {
    const TuneResult r = calibrate(t, gold, goal, {&p, 1}, 0, {first, join});
    const auto now = join_decisions(t, p, first, join), full = join_decisions(t, {}, first, join);
    int64_t losses = 0, gains = 0, layers = 0;
    for (size_t i = 0; i < texts; ++i) {
      losses += full[i].label == gold[i] && now[i].label != gold[i];
      gains += full[i].label != gold[i] && now[i].label == gold[i];
      layers += now[i].layer;
    }
    EXPECT_EQ(r.rows, static_cast<int64_t>(texts));
    EXPECT_EQ(r.trials[0].losses, losses);
    EXPECT_EQ(r.trials[0].gains, gains);
    EXPECT_DOUBLE_EQ(r.trials[0].mean_layer,
                     static_cast<double>(layers) / static_cast<double>(texts));
  }
  EXPECT_THROW(calibrate(t, {gold.data(), texts - 1}, goal, {&p, 1}, 0, {first, {}}), Error);
}

// All windows of a text are searched on or tested on.
TEST(TextWindows, SplitByText) {
  std::vector<int64_t> gold, first{0};
  const ExitTable t = made_up_rows(300, 4, false, &gold);
  while (first.back() < 300) first.push_back(std::min<int64_t>(300, first.back() + 3));
  gold.resize(100);
  for (size_t i = 0; i < 100; ++i) gold[i] = static_cast<int64_t>(i);  // to be told apart
  const TuneRows rows = split_for_search(t, gold, 0.4, 1, {first, WindowJoin::max});
  EXPECT_EQ(rows.search_rows, 40);
  EXPECT_EQ(rows.test_rows(), 60);
  EXPECT_EQ(rows.test.rows(), 180);
  EXPECT_EQ(rows.search.rows(), 120);
  EXPECT_EQ(rows.join, WindowJoin::max);
  ASSERT_EQ(rows.search_gold.size(), 120u);
  ASSERT_EQ(rows.first_window.size(), 61u);
  for (size_t i = 0; i < 60; ++i) {
    const int64_t begin = rows.first_window[i];
    ASSERT_EQ(rows.first_window[i + 1] - begin, 3);
    for (int64_t w = 0; w < 3; ++w) {
      EXPECT_EQ(rows.test.entropy[rows.test.at(begin + w, 0)],
                t.entropy[t.at(3 * rows.gold[i] + w, 0)]);
    }
  }
  for (int64_t w = 0; w < 120; ++w) {
    const int64_t text = rows.search_gold[static_cast<size_t>(w)];
    EXPECT_EQ(rows.search.entropy[rows.search.at(w, 0)], t.entropy[t.at(3 * text + w % 3, 0)]);
  }
}

// Single settings are tested each by itself, and share the error.
TEST(TunePoints, EachIsAFamily) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(500, 5, false, &gold);
  const TuneRows rows = split_for_search(t, gold, 0, 1);
  std::vector<ExitPolicy> points(2);
  points[0].kind = points[1].kind = PolicyKind::entropy;
  points[0].thresholds = {0.05};
  points[1].thresholds = {0.6};
  const TuneGoal goal{.kind = GoalKind::disagreement, .limit = 0.1, .confidence = 0.9};
  const auto families = tune_points(rows, goal, points);
  ASSERT_EQ(families.size(), 2u);
  EXPECT_EQ(families[1].name, "entropy < 0.6");
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(families[i].result.level, 0.05, 1e-12);
    ASSERT_EQ(families[i].result.trials.size(), 1u);
    EXPECT_EQ(families[i].result.trials[0].policy.thresholds, points[i].thresholds);
  }
}

}  // namespace
}  // namespace costeff
