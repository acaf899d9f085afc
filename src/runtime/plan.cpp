#include "runtime/plan.h"

#include <costeff/error.h>

#include <algorithm>

#include "exit/policy.h"

namespace costeff::runtime {

std::string policy_misfit(const model::Model& m, const ExitPolicy& policy) {
  const std::string name = std::string("policy ") + exits::policy_name(policy.kind);
  if (m.arch.regression && (policy.kind == PolicyKind::entropy || policy.kind == PolicyKind::max_prob ||
                       policy.kind == PolicyKind::margin)) {
    return name + " needs probabilities, and this model gives a score (regression)";
  }
  const bool has_lte =
      std::any_of(m.arch.heads.begin(), m.arch.heads.end(), [](const auto& h) { return h.lte.has_value(); });
  if (policy.kind == PolicyKind::learned && !has_lte) {
    return name + " needs a model with a learned exit (BERxiT), and this one is " + m.provenance.dialect;
  }
  if (policy.kind != PolicyKind::fixed) return {};
  std::string at;
  for (const model::Head& h : m.arch.heads) {
    if (h.layer == policy.layer) return {};
    at += (at.empty() ? "" : ", ") + std::to_string(h.layer);
  }
  return "no exit at layer " + std::to_string(policy.layer) + "; this model has exits at layer " +
         at;
}

ForwardPlan make_plan(const model::Model& m, const ExitPolicy& policy, bool all_exits) {
  if (const std::string wrong = policy_misfit(m, policy); !wrong.empty()) throw_usage(wrong);
  ForwardPlan plan{policy, all_exits, static_cast<int64_t>(m.arch.layers.size())};
  if (policy.kind == PolicyKind::fixed && !all_exits) plan.last_layer = policy.layer;
  return plan;
}

}  // namespace costeff::runtime
