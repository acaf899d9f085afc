#include "tasks/judge/metrics.h"

#include <costeff/error.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "base/format.h"
#include "base/names.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

constexpr std::array<Name<Metric>, 10> kMetrics{{{"accuracy", Metric::accuracy},
                                                 {"f1", Metric::f1},
                                                 {"macro_f1", Metric::macro_f1},
                                                 {"matthews", Metric::matthews},
                                                 {"pearson", Metric::pearson},
                                                 {"spearman", Metric::spearman},
                                                 {"subset_accuracy", Metric::subset_accuracy},
                                                 {"micro_f1", Metric::micro_f1},
                                                 {"sample_f1", Metric::sample_f1},
                                                 {"hamming_loss", Metric::hamming_loss}}};

// True positives, false positives and false negatives of one label against the rest.
struct Hits {
  int64_t tp = 0, fp = 0, fn = 0;
};
Hits hits_of(const Confusion& c, int64_t label) {
  Hits h;
  h.tp = c.at(label, label);
  for (int64_t other = 0; other < c.classes; ++other) {
    if (other == label) continue;
    h.fp += c.at(other, label);
    h.fn += c.at(label, other);
  }
  return h;
}

double f1_of(const Hits& h) {
  const int64_t down = 2 * h.tp + h.fp + h.fn;
  return down == 0 ? 0 : 2 * static_cast<double>(h.tp) / static_cast<double>(down);
}

bool is_constant(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
}

}  // namespace

std::string_view metric_name(Metric metric) { return name_of_value(kMetrics, metric); }

Metric metric_from_name(std::string_view name) {
  std::string asked(name);
  std::replace(asked.begin(), asked.end(), '-', '_');
  if (const auto* row = find_named(kMetrics, asked)) return row->value;
  throw_unknown_name("metric", name, listed_names(kMetrics));
}

std::string metric_fault(Metric metric, ProblemType problem) {
  const bool of_sets = metric >= Metric::subset_accuracy || metric == Metric::macro_f1;
  const bool of_one = metric <= Metric::matthews;
  const bool fits = problem == ProblemType::multi_label  ? of_sets
                    : problem == ProblemType::regression ? is_correlation(metric)
                                                         : of_one;
  if (fits) return {};
  const auto name = [](ProblemType p) {
    return p == ProblemType::multi_label  ? "any number of labels (multi-label)"
           : p == ProblemType::regression ? "scores (regression)"
                                          : "one label a row";
  };
  const ProblemType wants = is_correlation(metric) ? ProblemType::regression
                            : of_one               ? ProblemType::single_label
                                                   : ProblemType::multi_label;
  return fmt::format("metric {} is of {}, and the answers are {}", metric_name(metric), name(wants),
                     name(problem));
}

int64_t Confusion::rows() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

int64_t Confusion::correct() const {
  int64_t sum = 0;
  for (int64_t i = 0; i < classes; ++i) sum += at(i, i);
  return sum;
}

double accuracy(const Confusion& c) {
  const int64_t rows = c.rows();
  return rows == 0 ? kNaN : static_cast<double>(c.correct()) / static_cast<double>(rows);
}

double f1(const Confusion& c, int64_t positive) { return f1_of(hits_of(c, positive)); }

double macro_f1(const Confusion& c) {
  double sum = 0;
  int64_t labels = 0;
  for (int64_t i = 0; i < c.classes; ++i) {
    const Hits h = hits_of(c, i);
    if (h.tp + h.fp + h.fn == 0) continue;
    sum += f1_of(h);
    ++labels;
  }
  return labels == 0 ? 0 : sum / static_cast<double>(labels);
}

// Source: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation
// coefficient", written with the sums of rows and columns as scikit-learn does.
double matthews(const Confusion& c) {
  const auto rows = static_cast<double>(c.rows());
  double both = 0, gold = 0, answered = 0;  // dot products of the margins
  for (int64_t i = 0; i < c.classes; ++i) {
    double g = 0, p = 0;
    for (int64_t j = 0; j < c.classes; ++j) {
      g += static_cast<double>(c.at(i, j));
      p += static_cast<double>(c.at(j, i));
    }
    both += g * p;
    gold += g * g;
    answered += p * p;
  }
  const double up = static_cast<double>(c.correct()) * rows - both;
  const double down = (rows * rows - gold) * (rows * rows - answered);
  return down <= 0 ? 0 : up / std::sqrt(down);
}

double label_metric_of(Metric metric, const Confusion& c, int64_t positive) {
  switch (metric) {
    case Metric::accuracy:
      return accuracy(c);
    case Metric::f1:
      return f1(c, positive);
    case Metric::macro_f1:
      return macro_f1(c);
    case Metric::matthews:
      return matthews(c);
    case Metric::pearson:
    case Metric::spearman:
      break;  // of scores
    case Metric::subset_accuracy:
    case Metric::micro_f1:
    case Metric::sample_f1:
    case Metric::hamming_loss:
      break;  // of sets
  }
  return kNaN;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  if (x.size() < 2 || is_constant(x) || is_constant(y)) return kNaN;
  const auto mean = [](std::span<const double> v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  };
  const double mean_x = mean(x), mean_y = mean(y);
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return std::clamp(xy / std::sqrt(xx) / std::sqrt(yy), -1.0, 1.0);
}

std::vector<double> average_ranks(std::span<const double> values) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    // Ranks begin + 1 ... end, counted from 1, are shared.
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  const std::vector<double> a = average_ranks(x), b = average_ranks(y);
  return pearson(a, b);
}

}  // namespace costeff::tasks
