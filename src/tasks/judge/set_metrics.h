#pragma once

// Metrics of multi-label answers, as scikit-learn computes them from indicator matrices with
// zero_division=0. Pure functions of numbers.

#include <cstdint>
#include <span>
#include <vector>

#include "tasks/judge/intervals.h"
#include "tasks/judge/metrics.h"

namespace costeff::tasks {

// The labels of one row, ascending: the right ones and those answered. Both must outlive it.
struct SetRow {
  const std::vector<int32_t>* gold = nullptr;
  const std::vector<int32_t>* answered = nullptr;
};

// One label against the rest.
struct LabelCounts {
  int64_t both = 0, answered = 0, gold = 0;  // rows that have it; both: in answer and gold
  double precision() const;
  double recall() const;
  double f1() const;
};

// [labels], of rows of which each was drawn times[row] times; no times: once.
std::vector<LabelCounts> count_labels(std::span<const SetRow> rows, int64_t labels,
                                      std::span<const int32_t> times = {});

// subset_accuracy: accuracy_score. micro_f1, macro_f1 (over all labels), sample_f1: f1_score with that
// average. hamming_loss: hamming_loss. No rows: NaN.
double set_metric(Metric metric, std::span<const SetRow> rows, int64_t labels,
                  std::span<const int32_t> times = {});

// The same of drawn rows, for bootstrap(). rows must outlive it.
RowStatistic set_statistic(Metric metric, std::span<const SetRow> rows, int64_t labels);

}  // namespace costeff::tasks
