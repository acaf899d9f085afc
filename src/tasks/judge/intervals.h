#pragma once

// Confidence intervals: exact binomial for shares, bootstrap for the rest. Pure functions of
// numbers.

#include <cstdint>
#include <functional>
#include <span>

#include "tasks/judge/metrics.h"

namespace costeff::tasks {

// low and high are NaN where there is no interval (no rows, a statistic that is never defined).
struct Interval {
  double low = 0, high = 0;
};

// Clopper-Pearson: exact binomial, both tails (1 - confidence) / 2.
Interval binomial_interval(int64_t successes, int64_t trials, double confidence = 0.95);

// Percentile bootstrap: the statistic of `replicates` samples of as many rows, drawn with
// replacement; then the (1 - confidence) / 2 quantiles of the values that are finite, interpolated
// linearly (numpy's default). Rows are drawn by splitmix64: the same seed gives the same interval
// on every machine.
struct BootstrapOptions {
  int64_t replicates = 1000;
  uint64_t seed = 1;
  double confidence = 0.95;
};

// times: [rows] how often each row was drawn.
using RowStatistic = std::function<double(std::span<const int32_t> times)>;
Interval bootstrap(int64_t rows, const RowStatistic& statistic,
                   const BootstrapOptions& options = {});

// Of a statistic that the confusion matrix decides.
using ConfusionStatistic = std::function<double(const Confusion& draw)>;
Interval bootstrap(const Confusion& confusion, const ConfusionStatistic& statistic,
                   const BootstrapOptions& options = {});

// pearson() and spearman() of drawn rows, in one pass over the rows a sample. x and y must outlive
// the statistic.
RowStatistic pearson_statistic(std::span<const double> x, std::span<const double> y);
RowStatistic spearman_statistic(std::span<const double> x, std::span<const double> y);
// The mean of values.
RowStatistic mean_statistic(std::span<const double> values);

}  // namespace costeff::tasks
