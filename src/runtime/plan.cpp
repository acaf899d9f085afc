#include "runtime/plan.h"

namespace costeff::runtime {

ForwardPlan make_plan(const model::Model& m, const ExitPolicy& policy, bool all_exits) {
  ForwardPlan plan;
  plan.policy = policy;
  plan.all_exits = all_exits;
  plan.last_layer = static_cast<int64_t>(m.arch.layers.size());
  if (policy.kind == PolicyKind::fixed && !all_exits) plan.last_layer = policy.layer;
  return plan;
}

}  // namespace costeff::runtime
