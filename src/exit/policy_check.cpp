#include <costeff/policy.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/format.h"

namespace costeff {
namespace {

bool all_finite(const std::vector<double>& list) {
  return std::all_of(list.begin(), list.end(), [](double v) { return std::isfinite(v); });
}

// What is wrong with a list that has one number for all layers, or one for each; "" if nothing is.
std::string list_fault(const std::vector<double>& list, int64_t depth, const char* one,
                       const char* many) {
  const auto n = static_cast<int64_t>(list.size());
  if (n > 1 && n != depth && n != depth - 1) {
    return fmt::format(
        "{} {}, expected one, or one for each of {} layers (the last may be left out)", n, many,
        depth);
  }
  return all_finite(list) ? "" : fmt::format("{} is not a finite number", one);
}

std::string weights_fault(const ExitPolicy& p, const PolicyTraits& t, int64_t depth) {
  const std::vector<double>& w = p.exit_weights;
  if (!t.needs_weights)
    return w.empty() ? "" : fmt::format("policy {} takes no exit weights", t.name);
  if (w.empty()) {
    return fmt::format(
        "policy {0} needs exit weights; costeff tune --policy {0} estimates them, --exit-weights "
        "gives them",
        t.name);
  }
  if (const std::string fault = list_fault(w, depth, "an exit weight", "exit weights");
      !fault.empty())
    return fmt::format("policy {}: {}", t.name, fault);
  const auto low = std::find_if(w.begin(), w.end(), [](double v) { return v < 0; });
  if (low == w.end()) return {};
  return fmt::format("policy {}: exit weight {}, expected 0 or more", t.name, shortest(*low));
}

// What is wrong with the policy for any model of that depth; "" if nothing is.
std::string form_fault(const ExitPolicy& p, const PolicyTraits& t, int64_t depth) {
  const std::string name = fmt::format("policy {}", t.name);
  const auto n = static_cast<int64_t>(p.thresholds.size());
  if (t.threshold == ThresholdUse::always && n == 0) return name + " needs a threshold";
  if (t.threshold == ThresholdUse::none && n != 0) return name + " takes no threshold";
  if (std::string fault = list_fault(p.thresholds, depth, "a threshold", "thresholds");
      !fault.empty())
    return name + ": " + fault;
  const auto low =
      std::find_if(p.thresholds.begin(), p.thresholds.end(), [](double v) { return v < 0; });
  if (t.remembers && low != p.thresholds.end())
    return fmt::format("{}: threshold {}, expected 0 or more", name, shortest(*low));
  if (t.number_at && p.*t.number_at < t.least_number && p.kind != PolicyKind::fixed) {
    return fmt::format("{}: {} {}, expected {} or more", name, t.number, p.*t.number_at,
                       t.least_number);
  }
  if (p.average && !t.may_average)
    return name + " answers with one exit, so there is nothing to average";
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

std::string label_threshold_fault(const ModelExits& m, std::span<const double> thresholds) {
  if (thresholds.empty()) return "";
  if (!is_multi_label(m)) {
    return fmt::format(
        "label thresholds (--label-threshold), and this model gives {}, expected a multi-label "
        "model",
        answer_kind(m.problem));
  }
  const auto n = static_cast<int64_t>(thresholds.size());
  if (n != 1 && n != m.num_labels) {
    return fmt::format("{} label thresholds, expected one, or one for each of {} labels", n,
                       m.num_labels);
  }
  for (const double t : thresholds) {
    if (!(t >= 0 && t <= 1)) return fmt::format("label threshold {}, expected 0 to 1", t);
  }
  return "";
}

std::string policy_fault(const ModelExits& m, const ExitPolicy& p) {
  const PolicyTraits& t = policy_traits(p.kind);
  const int64_t depth = m.layers.back();
  if (std::string fault = form_fault(p, t, depth); !fault.empty()) return fault;
  if (std::string fault = model_fault(m, p, t); !fault.empty()) return fault;
  if (std::string fault = weights_fault(p, t, depth); !fault.empty()) return fault;
  return label_threshold_fault(m, p.label_thresholds);
}

void check_policy(const ModelExits& m, const ExitPolicy& p) {
  if (const std::string fault = policy_fault(m, p); !fault.empty()) throw_usage(fault);
}

void check_policy_kind(const ModelExits& m, PolicyKind kind, int64_t exit_start) {
  ExitPolicy p;
  p.kind = kind;
  p.exit_start = exit_start;
  const PolicyTraits& t = policy_traits(kind);
  if (has_threshold(kind)) p.thresholds = {0};
  if (t.needs_weights) p.exit_weights = {1};
  if (t.number_at) p.*t.number_at = t.least_number;
  if (kind == PolicyKind::fixed) p.layer = m.layers.back();
  check_policy(m, p);
}

void check_by_layer(PolicyKind kind) {
  const PolicyTraits& t = policy_traits(kind);
  if (!has_threshold(kind))
    fail_usage("policy {} has no thresholds to choose layer by layer", t.name);
  if (t.remembers) {
    fail_usage(
        "policy {} decides by several exits together, so its thresholds cannot be chosen layer by "
        "layer",
        t.name);
  }
}

}  // namespace costeff
