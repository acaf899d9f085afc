#include "tasks/judge/intervals.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "base/binomial.h"
#include "base/split_mix.h"

namespace costeff::tasks {
namespace {

// A number from 0 to n - 1. Its bias, a share of n / 2^32 at most, is too small for a bootstrap to
// see.
uint32_t draw_below(uint32_t n, uint64_t* state) {
  return static_cast<uint32_t>(((split_mix(state) >> 32) * n) >> 32);
}

// numpy.quantile of sorted values.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

Interval percentiles(std::vector<double>* values, const BootstrapOptions& options) {
  std::erase_if(*values, [](double v) { return !std::isfinite(v); });
  // A statistic that is undefined for most samples has no useful distribution.
  if (values->empty() || static_cast<int64_t>(2 * values->size()) < options.replicates) {
    return {kNaN, kNaN};
  }
  std::sort(values->begin(), values->end());
  const double tail = (1 - options.confidence) / 2;
  return {quantile(*values, tail), quantile(*values, 1 - tail)};
}

// Pearson's correlation, where row i counts times[i] times.
double weighted_pearson(std::span<const double> x, std::span<const double> y,
                        std::span<const int32_t> times) {
  double n = 0, sum_x = 0, sum_y = 0;
  const double *first_x = nullptr, *first_y = nullptr;
  bool varies_x = false, varies_y = false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (times[i] == 0) continue;
    const double w = times[i];
    if (!first_x) first_x = &x[i], first_y = &y[i];
    varies_x = varies_x || x[i] != *first_x;
    varies_y = varies_y || y[i] != *first_y;
    n += w;
    sum_x += w * x[i];
    sum_y += w * y[i];
  }
  if (!varies_x || !varies_y) return kNaN;
  const double mean_x = sum_x / n, mean_y = sum_y / n;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double w = times[i], dx = x[i] - mean_x, dy = y[i] - mean_y;
    xy += w * dx * dy;
    xx += w * dx * dx;
    yy += w * dy * dy;
  }
  return std::clamp(xy / std::sqrt(xx) / std::sqrt(yy), -1.0, 1.0);
}

// Ranks of drawn rows, found from the order of all rows without sorting again.
class RankedColumn {
 public:
  explicit RankedColumn(std::span<const double> values)
      : values_(values), order_(values.size()), ranks_(values.size()) {
    std::iota(order_.begin(), order_.end(), int64_t{0});
    std::sort(order_.begin(), order_.end(),
              [&](int64_t a, int64_t b) { return values[a] < values[b]; });
  }

  std::span<const double> rank(std::span<const int32_t> times) {
    double before = 0;
    for (size_t begin = 0; begin < order_.size();) {
      size_t end = begin;
      double tied = 0;
      while (end < order_.size() && values_[order_[end]] == values_[order_[begin]]) {
        tied += times[order_[end++]];
      }
      for (size_t i = begin; i < end; ++i) ranks_[order_[i]] = before + (tied + 1) / 2;
      before += tied;
      begin = end;
    }
    return ranks_;
  }

 private:
  std::span<const double> values_;
  std::vector<int64_t> order_;
  std::vector<double> ranks_;
};

}  // namespace

Interval binomial_interval(int64_t successes, int64_t trials, double confidence) {
  if (trials <= 0) return {kNaN, kNaN};
  const double tail = (1 - confidence) / 2;
  const auto k = static_cast<double>(successes), n = static_cast<double>(trials);
  return {successes == 0 ? 0 : inverse_incomplete_beta(k, n - k + 1, tail),
          successes == trials ? 1 : inverse_incomplete_beta(k + 1, n - k, 1 - tail)};
}

Interval paired_interval(int64_t losses, int64_t gains, int64_t rows) {
  if (rows <= 0) return {kNaN, kNaN};
  const double n = static_cast<double>(rows) + 2;
  const double worse = (static_cast<double>(losses) + 0.5) / n,
               better = (static_cast<double>(gains) + 0.5) / n;
  const double change = better - worse;
  const double half = kNormal95 * std::sqrt((better + worse - change * change) / n);
  return {std::max(-1.0, change - half), std::min(1.0, change + half)};
}

Interval bootstrap(int64_t rows, const RowStatistic& statistic, const BootstrapOptions& options) {
  if (rows <= 0) return {kNaN, kNaN};
  std::vector<int32_t> times(static_cast<size_t>(rows));
  std::vector<double> values;
  uint64_t state = options.seed;
  for (int64_t r = 0; r < options.replicates; ++r) {
    std::fill(times.begin(), times.end(), 0);
    for (int64_t i = 0; i < rows; ++i) ++times[draw_below(static_cast<uint32_t>(rows), &state)];
    values.push_back(statistic(times));
  }
  return percentiles(&values, options);
}

Interval bootstrap(const Confusion& confusion, const ConfusionStatistic& statistic,
                   const BootstrapOptions& options) {
  const int64_t rows = confusion.rows();
  if (rows <= 0) return {kNaN, kNaN};
  // All rows of a cell are alike: row i belongs to cell_of[i].
  std::vector<int32_t> cell_of;
  for (size_t cell = 0; cell < confusion.counts.size(); ++cell) {
    cell_of.insert(cell_of.end(), static_cast<size_t>(confusion.counts[cell]),
                   static_cast<int32_t>(cell));
  }
  Confusion draw(confusion.classes);
  std::vector<double> values;
  uint64_t state = options.seed;
  for (int64_t r = 0; r < options.replicates; ++r) {
    std::fill(draw.counts.begin(), draw.counts.end(), 0);
    for (int64_t i = 0; i < rows; ++i) {
      ++draw.counts[cell_of[draw_below(static_cast<uint32_t>(rows), &state)]];
    }
    values.push_back(statistic(draw));
  }
  return percentiles(&values, options);
}

RowStatistic pearson_statistic(std::span<const double> x, std::span<const double> y) {
  return [x, y](std::span<const int32_t> times) { return weighted_pearson(x, y, times); };
}

RowStatistic spearman_statistic(std::span<const double> x, std::span<const double> y) {
  const auto a = std::make_shared<RankedColumn>(x), b = std::make_shared<RankedColumn>(y);
  return [a, b](std::span<const int32_t> times) {
    return weighted_pearson(a->rank(times), b->rank(times), times);
  };
}

RowStatistic mean_statistic(std::span<const double> values) {
  return [values](std::span<const int32_t> times) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      sum += values[i] * times[i];
      n += times[i];
    }
    return sum / n;
  };
}

}  // namespace costeff::tasks
