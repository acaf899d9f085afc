#include "tasks/judge/train_metric.h"

#include <algorithm>
#include <cmath>

#include "tasks/judge/set_metrics.h"

namespace costeff::tasks {

std::vector<double> exit_metric(Metric metric, int64_t positive, std::span<const TrainRow> rows,
                                const ExitTable& table) {
  std::vector<double> values;
  std::vector<double> gold, answered;
  for (int64_t e = 0; e < table.exits(); ++e) {
    double value = 0;
    if (is_correlation(metric)) {
      gold.clear();
      answered.clear();
      for (int64_t i = 0; i < table.rows(); ++i) {
        gold.push_back(static_cast<double>(rows[static_cast<size_t>(i)].score));
        answered.push_back(static_cast<double>(table.value[table.at(i, e)]));
      }
      value = metric == Metric::pearson ? pearson(answered, gold) : spearman(answered, gold);
    } else if (is_multi_label(table)) {
      std::vector<SetRow> sets;
      for (int64_t i = 0; i < table.rows(); ++i) {
        sets.push_back({&rows[static_cast<size_t>(i)].labels,
                        &table.label_sets.at(table.label[table.at(i, e)])});
      }
      value = set_metric(metric, sets, table.num_labels);
    } else {
      Confusion confusion(table.num_labels);
      for (int64_t i = 0; i < table.rows(); ++i)
        confusion.add(rows[static_cast<size_t>(i)].label, table.label[table.at(i, e)]);
      value = label_metric_of(metric, confusion, positive);
    }
    values.push_back(std::isfinite(value) ? value : 0);
  }
  return values;
}

std::vector<int64_t> rows_of_classes(std::span<const TrainRow> rows, int64_t classes) {
  std::vector<int64_t> counts(static_cast<size_t>(classes));
  for (const TrainRow& row : rows) ++counts[static_cast<size_t>(row.label)];
  return counts;
}

std::vector<int64_t> rows_with_labels(std::span<const TrainRow> rows, int64_t labels) {
  std::vector<int64_t> counts(static_cast<size_t>(labels));
  for (const TrainRow& row : rows)
    for (const int32_t label : row.labels) ++counts[static_cast<size_t>(label)];
  return counts;
}

std::vector<double> balanced_pos_weights(std::span<const TrainRow> rows, int64_t labels) {
  std::vector<double> weights;
  for (const int64_t n : rows_with_labels(rows, labels)) {
    const auto with = static_cast<double>(n), all = static_cast<double>(rows.size());
    weights.push_back(n == 0 || with == all ? 1 : (all - with) / with);
  }
  return weights;
}

std::vector<double> balanced_weights(std::span<const TrainRow> rows, int64_t classes) {
  const std::vector<int64_t> counts = rows_of_classes(rows, classes);
  const auto present = std::count_if(counts.begin(), counts.end(), [](int64_t n) { return n > 0; });
  std::vector<double> weights;
  for (const int64_t n : counts) {
    weights.push_back(n == 0 ? 1
                             : static_cast<double>(rows.size()) /
                                   (static_cast<double>(present) * static_cast<double>(n)));
  }
  return weights;
}

}  // namespace costeff::tasks
