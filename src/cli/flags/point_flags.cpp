#include "cli/flags/point_flags.h"

#include <costeff/curve.h>
#include <costeff/error.h>

#include "base/fail.h"
#include "base/format.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/policy_flags.h"

namespace costeff::cli {
namespace {

ExitPolicy policy_of(const PolicyFlags& f, const ExitPolicy& own, bool regression) {
  return policy_from_flags(f, own, regression).value_or(own);
}

// Takes ":average" from the end of a policy's settings, where it may average.
bool take_average(const PolicyTraits& policy, std::string* settings) {
  constexpr std::string_view kAverage = ":average";
  if (!policy.may_average || !settings->ends_with(kAverage)) return false;
  settings->resize(settings->size() - kAverage.size());
  return true;
}

// "max-prob:0.9" as flags.
PolicyFlags parse_point(const std::string& text) {
  PolicyFlags f;
  const size_t colon = text.find(':');
  f.policy = text.substr(0, colon);
  const PolicyTraits& policy = policy_traits(parse_policy_kind(f.policy));
  std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
  const std::string place = "--point " + printable(text, 80);
  if (take_average(policy, &value)) f.average = true;
  if (policy.number_at && policy.threshold != ThresholdUse::none) {
    const bool required = policy.threshold == ThresholdUse::always;
    const size_t next = value.find(':');
    const bool missing = next == std::string::npos || next + 1 == value.size();
    if (missing && (required || next != std::string::npos)) {
      fail_usage("{}, expected a number of exits and a threshold: {}:2:0.1", place, f.policy);
    }
    if (!missing) {
      f.threshold = value.substr(next + 1);
      value.resize(next);
    }
  }
  if (policy.number_at) {
    const auto n = parse_int(value, policy.least_number, kMaxLayers);
    if (!n) {
      fail_usage("{}: \"{}\", expected a whole number from {} to {}", place, printable(value, 40),
                 policy.least_number, kMaxLayers);
    }
    (policy.number_at == &ExitPolicy::layer ? f.exit_layer : f.patience) = *n;
  } else if (policy.threshold == ThresholdUse::always) {
    if (value.empty()) fail_usage("{}, expected a threshold: {}:0.5", place, f.policy);
    f.threshold = value;
  } else if (!value.empty()) {
    fail_usage("{}: {} takes no value", place, f.policy);
  }
  return f;
}

// Gives --average and --exit-weights to those that have a use for them.
void give_answer_flags(const PointFlags& f, const ExitPolicy& own,
                       std::vector<PolicyFlags>* asked) {
  bool averaged = false, weighted = false;
  for (PolicyFlags& p : *asked) {
    const PolicyTraits& t = policy_traits(kind_of_flags(p, own));
    if (t.may_average) {
      averaged = true;
      if (!p.average) p.average = f.average;
    }
    if (t.needs_weights) {
      weighted = true;
      p.exit_weights = f.exit_weights;
    }
  }
  // Of no use to any: refused as for one policy.
  if (f.average && !averaged) asked->front().average = f.average;
  if (!f.exit_weights.empty() && !weighted) asked->front().exit_weights = f.exit_weights;
}

}  // namespace

void add_point_flags(CLI::App* app, PointFlags* f) {
  const char* group = "Exit policies (each flag may be given more than once)";
  app->add_option("--threshold,-S", f->threshold,
                  "A threshold of the policy: one number, or one per layer (0.3,0.2,0.1). Entropy "
                  "is in nats")
      ->type_name("X[,X...]")
      ->allow_extra_args(false)
      ->group(group);
  app->add_option("--thresholds", f->thresholds,
                  "Many thresholds, each for all layers: 0,0.1,0.2 or first:last:step")
      ->type_name("LIST")
      ->group(group);
  app->add_option(
         "--policy", f->policy,
         "The policy the thresholds belong to: entropy (leave below), max-prob or margin "
         "(above), learned (below); confident-patience or divergence-patience (below, with "
         "--patience), evidence (above). Default: the model's own policy, else entropy; "
         "without a threshold never")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--patience", f->patience,
                  "Leave when N exits in a row agree with the one before")
      ->type_name("N")
      ->allow_extra_args(false)
      ->check(whole_number(0, kMaxLayers))
      ->group(group);
  add_average_flag(app, group, &f->average);
  add_exit_weights_flag(app, group, &f->exit_weights);
  app->add_option("--exit-layer", f->exit_layer, "Leave at this layer")
      ->type_name("K")
      ->allow_extra_args(false)
      ->check(whole_number(1, kMaxLayers))
      ->group(group);
  app->add_option("--point", f->points,
                  "A policy in one word: entropy:0.3, max-prob:0.9, margin:0.5, learned:0.2, "
                  "patience:3, fixed:2, never, confident-patience:2:0.3 (and :average), "
                  "divergence-patience:2:0.01, evidence:1.5")
      ->type_name("POINT")
      ->allow_extra_args(false)
      ->group(group);
  app->add_option("--exit-start", f->exit_start, "No exit before this layer")
      ->type_name("K")
      ->check(whole_number(1, kMaxLayers))
      ->group(group);
}

std::vector<ExitPolicy> points_from_flags(const PointFlags& f, const ExitPolicy& own,
                                          bool regression) {
  std::vector<PolicyFlags> asked;
  PolicyFlags base;
  base.policy = f.policy;
  base.exit_start = f.exit_start;
  std::vector<std::string> thresholds = f.threshold;
  if (!f.thresholds.empty()) {
    for (const double t : parse_threshold_list(f.thresholds)) thresholds.push_back(shortest(t));
  }
  // Policies that have a number and a threshold, as patience of a regression has: every combination.
  const PolicyKind kind = f.policy.empty() ? own.kind : parse_policy_kind(f.policy);
  const bool numbered = has_curve_of_number(kind);
  const bool together = (regression || numbered) && !f.patience.empty() && !thresholds.empty();
  const bool has_own_flag = ((f.policy == "patience" || numbered) && !f.patience.empty()) ||
                            (f.policy == "fixed" && !f.exit_layer.empty());
  if (!f.policy.empty() && thresholds.empty() && !has_own_flag) asked.push_back(base);
  if (together) {
    for (const int64_t n : f.patience) {
      for (const std::string& t : thresholds) {
        PolicyFlags p = base;
        p.policy = numbered ? policy_name(kind) : "patience";
        p.patience = n;
        p.threshold = t;
        asked.push_back(p);
      }
    }
  } else {
    for (const std::string& t : thresholds) {
      PolicyFlags p = base;
      p.threshold = t;
      asked.push_back(p);
    }
    for (const int64_t n : f.patience) {
      PolicyFlags p;
      p.exit_start = f.exit_start;
      p.patience = n;
      p.policy = numbered ? policy_name(kind) : "patience";
      asked.push_back(p);
    }
  }
  for (const int64_t k : f.exit_layer) {
    PolicyFlags p;
    p.exit_layer = k;
    p.policy = "fixed";
    asked.push_back(p);
  }
  for (const std::string& text : f.points) {
    PolicyFlags p = parse_point(text);
    if (p.policy != "never" && p.policy != "fixed") p.exit_start = f.exit_start;
    asked.push_back(p);
  }
  if (asked.empty()) asked.push_back(base);
  give_answer_flags(f, own, &asked);
  // A point says all about a policy but its weights.
  ExitPolicy weights_alone = own;
  weights_alone.exit_start = 1;
  weights_alone.average = false;
  std::vector<ExitPolicy> policies;
  for (size_t i = 0; i < asked.size(); ++i) {
    const bool point = i + f.points.size() >= asked.size();
    policies.push_back(policy_of(asked[i], point ? weights_alone : own, regression));
  }
  return policies;
}

std::string point_text(const ExitPolicy& p) {
  const PolicyTraits& traits = policy_traits(p.kind);
  std::string out(policy_name(p.kind));
  if (traits.number_at) append_format(&out, ":{}", p.*traits.number_at);
  const char* between = ":";
  for (const double v : p.thresholds) {
    append_format(&out, "{}{}", between, shortest(v));
    between = ",";
  }
  if (averages(p)) out += ":average";
  return out;
}

}  // namespace costeff::cli
