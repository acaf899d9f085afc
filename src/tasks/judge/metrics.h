#pragma once

// Metrics of the GLUE tasks as scikit-learn and scipy compute them, degenerate cases
// included. Pure functions of numbers.

#include <costeff/options.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

enum class Metric {
  accuracy,
  f1,
  macro_f1,
  matthews,
  pearson,
  spearman,
  subset_accuracy,  // this and the next three: of sets of labels
  micro_f1,
  sample_f1,
  hamming_loss,
};

// Stands for a number that does not exist: that of no rows, or of an undefined statistic.
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// "accuracy", "macro_f1", ...: names of columns and keys.
std::string_view metric_name(Metric metric);
// The metric of a name; '-' counts as '_'. Throws Error(usage), which lists the names.
Metric metric_from_name(std::string_view name);
// Compares scores, not labels.
inline bool is_correlation(Metric m) { return m == Metric::pearson || m == Metric::spearman; }
// Why the metric says nothing about such answers, for messages: "metric f1 is of labels, and ...";
// "" if it does.
std::string metric_fault(Metric metric, ProblemType problem);

// counts[g * classes + p]: the rows with gold label g and answer p.
struct Confusion {
  int64_t classes = 0;
  std::vector<int64_t> counts;  // [C * C]

  explicit Confusion(int64_t c = 0) : classes(c), counts(static_cast<size_t>(c * c)) {}
  void add(int64_t gold, int64_t predicted) {
    ++counts[static_cast<size_t>(gold * classes + predicted)];
  }
  int64_t at(int64_t gold, int64_t predicted) const {
    return counts[static_cast<size_t>(gold * classes + predicted)];
  }
  int64_t rows() const;
  int64_t correct() const;
};

// accuracy_score. No rows: NaN.
double accuracy(const Confusion& confusion);
// f1_score(pos_label=positive, zero_division=0). With more than two classes: one against the rest.
double f1(const Confusion& confusion, int64_t positive);
// f1_score(average="macro", zero_division=0): over the labels that occur in gold or in answers.
double macro_f1(const Confusion& confusion);
// matthews_corrcoef, any number of classes (Gorodkin's R_K); 0 where it is undefined.
double matthews(const Confusion& confusion);

// One of the metrics of labels. f1: of the label `positive`.
double label_metric_of(Metric metric, const Confusion& confusion, int64_t positive);

// scipy.stats.pearsonr. NaN for fewer than 2 rows, or if x or y is constant.
double pearson(std::span<const double> x, std::span<const double> y);
// scipy.stats.spearmanr: Pearson of the ranks; tied values share their mean rank.
double spearman(std::span<const double> x, std::span<const double> y);
// scipy.stats.rankdata(method="average"), from 1.
std::vector<double> average_ranks(std::span<const double> values);

}  // namespace costeff::tasks
