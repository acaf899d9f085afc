#pragma once

// What a run computes: the same for all its sequences.

#include <costeff/options.h>

#include <cstdint>
#include <vector>

#include "model/spec.h"

namespace costeff::runtime {

struct ForwardPlan {
  ExitPolicy policy;
  bool all_exits = false;
  std::vector<double> label_thresholds;  // RunOptions
  int64_t last_layer = 0;                // 1-based; no layer after it is run
};

// Finds the last layer for a policy that the model can run.
ForwardPlan make_plan(const model::Model& model, const ExitPolicy& policy, bool all_exits);

}  // namespace costeff::runtime
