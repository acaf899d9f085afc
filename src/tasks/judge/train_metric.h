#pragma once

// The metric by which training chooses among its evaluations.

#include <costeff/exit_table.h>
#include <costeff/train.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tasks/judge/metrics.h"

namespace costeff::tasks {

// The metric of every exit, [E], as TrainMetric asks for it. 0 where it is undefined: an exit that
// gives every row the same score has learned nothing. positive: the class that F1 is about.
std::vector<double> exit_metric(Metric metric, int64_t positive, std::span<const TrainRow> rows,
                                const ExitTable& table);

// [C] the number of rows of each class.
std::vector<int64_t> rows_of_classes(std::span<const TrainRow> rows, int64_t classes);

// [C] the number of multi-label rows that have each label.
std::vector<int64_t> rows_with_labels(std::span<const TrainRow> rows, int64_t labels);

// [C] rows without a label by those with it, so that both count the same; 1 where one of them is 0.
std::vector<double> balanced_pos_weights(std::span<const TrainRow> rows, int64_t labels);

// [C] weights in inverse proportion to the rows of a class, so that all classes count the same and
// the mean weight of a row is 1 (scikit-learn's "balanced"). Classes without rows get 1.
std::vector<double> balanced_weights(std::span<const TrainRow> rows, int64_t classes);

}  // namespace costeff::tasks
