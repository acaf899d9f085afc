#pragma once

// What the sublayers of a model take on this machine by the number of their units, measured with the
// engine's own kernels.

#include <functional>
#include <optional>
#include <span>

#include "base/threads/team.h"
#include "kernels/kernel_table.h"
#include "prune/search.h"
#include "train/loop.h"

namespace costeff::prune {

// Microseconds of a text.
struct MeasuredTime {
  CostTable table;
  double rest = 0;  // of embeddings and exits
};

struct TimeOptions {
  const kernels::KernelTable* kernels = nullptr;
  kernels::Precision precision = kernels::Precision::float32;
  int64_t step = 1;      // neurons are kept in multiples of it
  Team* team = nullptr;  // each thread computes the rows by itself, as the engine's do
};

// m: float32 weights. rows: of which the first are run, in one batch. Takes some seconds. nullopt: `stop`
// said so. progress(done, all) may be empty.
std::optional<MeasuredTime> measure_time(const model::Model& m, std::span<const train::Row> rows,
                                         const TimeOptions& options,
                                         const std::function<void(int64_t, int64_t)>& progress,
                                         const std::function<bool()>& stop);

}  // namespace costeff::prune
