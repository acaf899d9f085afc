#include "tasks/judge/train_metric.h"

#include <gtest/gtest.h>

#include <cmath>

namespace costeff::tasks {
namespace {

std::vector<TrainRow> rows_of(std::initializer_list<int32_t> labels) {
  std::vector<TrainRow> rows;
  for (const int32_t label : labels) rows.emplace_back().label = label;
  return rows;
}

TEST(TrainMetric, OfEveryExit) {
  const std::vector<TrainRow> rows = rows_of({0, 1, 1, 0});
  ExitTable t;
  t.num_labels = 2;
  t.layers = {2, 4};
  t.tokens = {5, 5, 5, 5};
  t.label = {1, 0, 1, 1, 1, 1, 1, 1};  // exit 0: always 1; exit 1: one wrong
  const struct {
    Metric metric;
    int64_t positive;
    std::vector<double> values;
  } cases[] = {{Metric::accuracy, 1, {0.5, 0.75}},
               {Metric::f1, 1, {2.0 / 3, 0.8}},
               {Metric::f1, 0, {0, 2.0 / 3}},
               {Metric::matthews, 1, {0, 1 / std::sqrt(3.0)}}};
  for (const auto& c : cases) {
    const auto got = exit_metric(c.metric, c.positive, rows, t);
    ASSERT_EQ(got.size(), 2u);
    for (size_t e = 0; e < 2; ++e) EXPECT_NEAR(got[e], c.values[e], 1e-12) << metric_name(c.metric);
  }
}

// An exit that gives all rows one score has no correlation; a mean over exits must not be spoilt.
TEST(TrainMetric, OfScores) {
  std::vector<TrainRow> rows(3);
  for (size_t i = 0; i < 3; ++i) rows[i].score = static_cast<float>(i * i);
  ExitTable t;
  t.problem = ProblemType::regression;
  t.num_labels = 1;
  t.layers = {1, 2};
  t.tokens = {4, 4, 4};
  t.value = {0.5F, 0, 0.5F, 2, 0.5F, 8};
  EXPECT_EQ(exit_metric(Metric::pearson, 1, rows, t)[0], 0);
  EXPECT_NEAR(exit_metric(Metric::pearson, 1, rows, t)[1], 1, 1e-9);
  EXPECT_NEAR(exit_metric(Metric::spearman, 1, rows, t)[1], 1, 1e-12);
}

TEST(TrainMetric, BalancedWeights) {
  // scikit-learn's compute_class_weight("balanced", classes=[0, 1], y=[0, 0, 0, 1]).
  EXPECT_EQ(balanced_weights(rows_of({0, 0, 0, 1}), 2), (std::vector<double>{4.0 / 6, 2}));
  EXPECT_EQ(balanced_weights(rows_of({0, 2, 0, 2}), 3), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(rows_of_classes(rows_of({0, 2, 0}), 3), (std::vector<int64_t>{2, 0, 1}));
}

}  // namespace
}  // namespace costeff::tasks
