#pragma once

// Confidence intervals: exact binomial for shares, bootstrap for the rest. Pure functions of
// numbers.

#include <cstdint>
#include <functional>
#include <span>

#include "tasks/judge/metrics.h"

namespace costeff::tasks {

// low and high are NaN if there is no interval: no rows, or a statistic that is never defined.
struct Interval {
  double low = 0, high = 0;
};

inline constexpr double kNormal95 = 1.959963984540054;  // the 97.5% quantile of the normal

// Clopper-Pearson: exact binomial, both tails (1 - confidence) / 2.
Interval binomial_interval(int64_t successes, int64_t trials, double confidence = 0.95);

// The 95% interval of gains - losses as a share of the rows, where each row may change once: a paired
// difference of two shares. Wald's with half a row added to each of the four cells (Agresti and Min 2005).
Interval paired_interval(int64_t losses, int64_t gains, int64_t rows);

// Percentile bootstrap: computes the statistic of `replicates` samples, each of as many rows as
// there are, drawn with replacement. The interval's ends are the (1 - confidence) / 2 quantiles of
// the finite values, interpolated linearly (numpy's default). splitmix64 draws the rows: the same
// seed gives the same interval on every machine.
struct BootstrapOptions {
  int64_t replicates = 1000;
  uint64_t seed = 1;
  double confidence = 0.95;
};

// times: [rows] how often each row was drawn.
using RowStatistic = std::function<double(std::span<const int32_t> times)>;
Interval bootstrap(int64_t rows, const RowStatistic& statistic,
                   const BootstrapOptions& options = {});

// For a statistic that depends only on the confusion matrix.
using ConfusionStatistic = std::function<double(const Confusion& draw)>;
Interval bootstrap(const Confusion& confusion, const ConfusionStatistic& statistic,
                   const BootstrapOptions& options = {});

// pearson() and spearman() of the drawn rows, in a few passes over the rows. x and y must outlive
// the statistic.
RowStatistic pearson_statistic(std::span<const double> x, std::span<const double> y);
RowStatistic spearman_statistic(std::span<const double> x, std::span<const double> y);
// The mean of the drawn values, which must outlive the statistic.
RowStatistic mean_statistic(std::span<const double> values);

}  // namespace costeff::tasks
