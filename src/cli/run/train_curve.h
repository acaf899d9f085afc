#pragma once

#include <costeff/train.h>

#include <optional>
#include <span>

#include "cli/flags/train_flags.h"
#include "tasks/judge/file_labels.h"
#include "tasks/sweep/sweep.h"

namespace costeff::cli {

// The accuracy-speed curve of the model that was written, on the rows it was judged by. None if it
// has one exit, without rows, or if a signal came.
std::optional<tasks::SweepReport> curve_of_result(const TrainFlags& flags, int64_t max_length,
                                                  std::span<const TrainRow> rows,
                                                  const tasks::TrainLabels& labels);

}  // namespace costeff::cli
