#pragma once

// What costeff slenderize did, as text and as JSON.

#include <costeff/slenderize.h>

#include <optional>
#include <string>
#include <vector>

namespace costeff::tasks {

struct SlenderReport {
  std::string model, out, method;
  std::vector<std::string> data, dev;
  std::string fit;  // --tune; empty: nothing is fitted
  SlenderTarget target;
  bool drawn = false;  // answers were: rows without labels
  std::string metric;  // of the rows to judge by
  SlenderizePlan plan;
  std::optional<SlenderizeResult> result;  // none: a dry run
  double seconds = 0;

  // Of methods that train.
  std::optional<TrainPlan> training;
  std::vector<SlenderShape> shapes;  // after each stage
  double estimated_s = -1;           // of what is left of the run; -1: not estimated
  std::vector<TrainEvaluation> evaluations;
};

// The widths of each layer, then what changed.
std::string slender_text(const SlenderReport& report);
// One object: model out method data dev tune size asked drawn_answers speedup metric dialect rows dev_rows
// tokens before after (heads neurons rank parameters macs bytes sparsity) estimated_seconds; of a method
// that trains stages memory shapes; and with a result metric_before metric_after files seconds, and
// evaluations if it trained.
std::string slender_json(const SlenderReport& report);

}  // namespace costeff::tasks
