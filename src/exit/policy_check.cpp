#include <costeff/error.h>
#include <costeff/policy.h>

#include <algorithm>
#include <cmath>

namespace costeff {
namespace {

// What is wrong with the policy for any model of that depth.
std::string form_fault(const ExitPolicy& p, const PolicyTraits& t, int64_t depth) {
  const std::string name = "policy " + std::string(t.name), layers = std::to_string(depth);
  const auto n = static_cast<int64_t>(p.thresholds.size());
  if (t.threshold == ThresholdUse::always && n == 0) return name + " needs a threshold";
  if (t.threshold == ThresholdUse::none && n != 0) return name + " takes no threshold";
  if (n > 1 && n != depth && n != depth - 1) {
    return name + ": " + std::to_string(n) + " thresholds, expected one, or one for each of " +
           layers + " layers (the last may be left out)";
  }
  if (!std::all_of(p.thresholds.begin(), p.thresholds.end(),
                   [](double v) { return std::isfinite(v); })) {
    return name + ": a threshold is not a finite number";
  }
  if (t.number_at && p.*t.number_at < t.least_number && p.kind != PolicyKind::fixed) {
    return name + ": " + std::string(t.number) + " " + std::to_string(p.*t.number_at) +
           ", expected " + std::to_string(t.least_number) + " or more";
  }
  if (p.kind == PolicyKind::fixed && (p.layer < 1 || p.layer > depth)) {
    return name + ": layer " + std::to_string(p.layer) + " to leave at, expected 1 to " + layers;
  }
  if (p.exit_start < 1 || p.exit_start > depth) {
    return "exit start " + std::to_string(p.exit_start) + ", expected 1 to " + layers;
  }
  return {};
}

// What the policy needs and this model does not have.
std::string model_fault(const ModelExits& m, const ExitPolicy& p, const PolicyTraits& t) {
  const std::string name = "policy " + std::string(t.name);
  if (t.needs_probabilities && m.regression) {
    return name + " needs probabilities, and this model gives a score (regression)";
  }
  if (t.needs_learned_exit && !m.learned) {
    return name + " needs a model with a learned exit (BERxiT)" +
           (m.dialect.empty() ? "" : ", and this one is " + m.dialect);
  }
  if (p.kind != PolicyKind::fixed ||
      std::find(m.layers.begin(), m.layers.end(), p.layer) != m.layers.end()) {
    return {};
  }
  std::string known;
  for (const int64_t layer : m.layers) known += (known.empty() ? "" : ", ") + std::to_string(layer);
  return "no exit at layer " + std::to_string(p.layer) + "; this model has exits at layer " + known;
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
    throw_usage("policy " + policy_name(kind) + " has no thresholds to choose layer by layer");
}

}  // namespace costeff
