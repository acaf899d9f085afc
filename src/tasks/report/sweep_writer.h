#pragma once

// A sweep as text of 80 columns, as TSV and as JSON.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tasks/sweep/report.h"

namespace costeff::tasks {

// The indices of the points that a table shows: at most per_curve of each curve, evenly by mean
// layer, with both ends; 0: all.
std::vector<size_t> shown_points(const SweepReport& report, size_t per_curve);

// Of several models: each by itself, then one front over all.
std::string sweep_text(std::span<const SweepReport> models, size_t per_curve);

// One line a point; a point that was timed has one for each batch size. Scripts may rely on these
// columns; new ones come after them. A number that does not exist is nan.
//   curve policy setting exit_start rows quality quality_low quality_high spearman agreement
//   mean_exit_layer layers_saved speedup_layers macs speedup_macs pareto exit_histogram
//   batch_tokens rows_per_s rows_per_s_low rows_per_s_high speedup_time change change_low
//   change_high latency_p50_ms latency_p99_ms recommended model
// quality is the report's quality_name; exit_histogram counts rows by layer: 33,90,111.
std::string sweep_tsv(std::span<const SweepReport> models);

// {"model", ..., "points": [...], "exits": [...], "disagreements": [...]}: the keys are the members
// of SweepReport. A number that does not exist is null. Of several models: {"models": [...], "front":
// [...], "recommended": {...}}.
std::string sweep_json(std::span<const SweepReport> models);

}  // namespace costeff::tasks
