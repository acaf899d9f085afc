#include <costeff/policy.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/fail.h"

namespace costeff {
namespace {

// What is wrong with the policy for any model of that depth; "" if nothing is.
std::string form_fault(const ExitPolicy& p, const PolicyTraits& t, int64_t depth) {
  const std::string name = fmt::format("policy {}", t.name);
  const auto n = static_cast<int64_t>(p.thresholds.size());
  if (t.threshold == ThresholdUse::always && n == 0) return name + " needs a threshold";
  if (t.threshold == ThresholdUse::none && n != 0) return name + " takes no threshold";
  if (n > 1 && n != depth && n != depth - 1) {
    return fmt::format(
        "{}: {} thresholds, expected one, or one for each of {} layers (the last may be left out)",
        name, n, depth);
  }
  if (!std::all_of(p.thresholds.begin(), p.thresholds.end(),
                   [](double v) { return std::isfinite(v); })) {
    return name + ": a threshold is not a finite number";
  }
  if (t.number_at && p.*t.number_at < t.least_number && p.kind != PolicyKind::fixed) {
    return fmt::format("{}: {} {}, expected {} or more", name, t.number, p.*t.number_at,
                       t.least_number);
  }
  if (p.kind == PolicyKind::fixed && (p.layer < 1 || p.layer > depth)) {
    return fmt::format("{}: layer {} to leave at, expected 1 to {}", name, p.layer, depth);
  }
  if (p.exit_start < 1 || p.exit_start > depth) {
    return fmt::format("exit start {}, expected 1 to {}", p.exit_start, depth);
  }
  return {};
}

// What the policy needs and this model does not have; "" if nothing.
std::string model_fault(const ModelExits& m, const ExitPolicy& p, const PolicyTraits& t) {
  const std::string name = fmt::format("policy {}", t.name);
  if (t.needs_probabilities && is_regression(m)) {
    return name + " needs probabilities, and this model gives a score (regression)";
  }
  if (t.needs_learned_exit && !m.learned) {
    return fmt::format("{} needs a model with a learned exit (BERxiT){}", name,
                       m.dialect.empty() ? "" : ", and this one is " + m.dialect);
  }
  if (p.kind != PolicyKind::fixed ||
      std::find(m.layers.begin(), m.layers.end(), p.layer) != m.layers.end()) {
    return {};
  }
  return fmt::format("no exit at layer {}; this model has exits at layer {}", p.layer,
                     fmt::join(m.layers, ", "));
}

}  // namespace

std::string policy_fault(const ModelExits& m, const ExitPolicy& p) {
  const PolicyTraits& t = policy_traits(p.kind);
  std::string fault = form_fault(p, t, m.layers.back());
  return fault.empty() ? model_fault(m, p, t) : fault;
}

void check_policy(const ModelExits& m, const ExitPolicy& p) {
  if (const std::string fault = policy_fault(m, p); !fault.empty()) throw_usage(fault);
}

void check_policy_kind(const ModelExits& m, PolicyKind kind, int64_t exit_start) {
  ExitPolicy p;
  p.kind = kind;
  p.exit_start = exit_start;
  if (has_threshold(kind)) p.thresholds = {0};
  if (kind == PolicyKind::fixed) p.layer = m.layers.back();
  check_policy(m, p);
}

void check_by_layer(PolicyKind kind) {
  if (!has_threshold(kind))
    fail_usage("policy {} has no thresholds to choose layer by layer", policy_name(kind));
}

}  // namespace costeff
