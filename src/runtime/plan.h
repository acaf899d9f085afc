#pragma once

// What a run computes, the same for all of its sequences.

#include <costeff/options.h>

#include <cstdint>
#include <string>

#include "model/spec.h"

namespace costeff::runtime {

struct ForwardPlan {
  ExitPolicy policy;
  bool all_exits = false;
  int64_t last_layer = 0;  // 1-based; no layer after it is run
};

// Why the policy cannot run on this model: it needs an exit, a learned exit or probabilities that
// the model does not have. Empty: it can run.
std::string policy_misfit(const model::Model& model, const ExitPolicy& policy);

// Resolves the policy against the model: which layer is the last. Throws Error(usage) for a
// policy_misfit().
ForwardPlan make_plan(const model::Model& model, const ExitPolicy& policy, bool all_exits);

}  // namespace costeff::runtime
