#include "cli/point_flags.h"

#include <costeff/error.h>

#include "base/format.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/flag_checks.h"
#include "cli/policy_flags.h"

namespace costeff::cli {
namespace {

ExitPolicy policy_of(const PolicyFlags& f, const ExitPolicy& of_model) {
  return policy_from_flags(f, of_model).value_or(of_model);
}

// "max-prob:0.9" as flags.
PolicyFlags parse_point(const std::string& text) {
  PolicyFlags f;
  const size_t colon = text.find(':');
  f.policy = text.substr(0, colon);
  const PolicyTraits& policy = policy_traits(parse_policy_kind(f.policy));
  const std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
  const std::string place = "--point " + printable(text, 80);
  if (policy.number_at) {
    constexpr int64_t kMaxNumber = 10000;
    const auto n = parse_int(value, policy.least_number, kMaxNumber);
    if (!n) {
      throw_usage(place + ": \"" + printable(value, 40) + "\", expected a whole number from " +
                  std::to_string(policy.least_number) + " to " + std::to_string(kMaxNumber));
    }
    (policy.number_at == &ExitPolicy::layer ? f.exit_layer : f.patience) = *n;
  } else if (policy.threshold == ThresholdUse::always) {
    if (value.empty()) throw_usage(place + ", expected a threshold: " + f.policy + ":0.5");
    f.threshold = value;
  } else if (!value.empty()) {
    throw_usage(place + ": " + f.policy + " takes no value");
  }
  return f;
}

}  // namespace

void add_point_flags(CLI::App* app, PointFlags* f) {
  const char* group = "Exit policies (each flag may be given more than once)";
  app->add_option("--threshold,-S", f->threshold,
                  "A threshold of the policy: a number, or one a layer (0.3,0.2,0.1). Entropy is "
                  "in nats")
      ->type_name("X[,X...]")
      ->allow_extra_args(false)
      ->group(group);
  app->add_option("--thresholds", f->thresholds,
                  "Many at once, one number for all layers each: 0,0.1,0.2 or first:last:step")
      ->type_name("LIST")
      ->group(group);
  app->add_option("--policy", f->policy,
                  "What the thresholds are of: entropy (leave below), max-prob or margin (above), "
                  "learned (below). Default: the model's own policy, else entropy; without any "
                  "threshold never")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--patience", f->patience,
                  "Leave when N exits in a row agree with the one before them")
      ->type_name("N")
      ->allow_extra_args(false)
      ->check(whole_number(0, kMostLayers))
      ->group(group);
  app->add_option("--exit-layer", f->exit_layer, "Leave at this layer")
      ->type_name("K")
      ->allow_extra_args(false)
      ->check(whole_number(1, kMostLayers))
      ->group(group);
  app->add_option("--point", f->points,
                  "Any policy in one word: entropy:0.3, max-prob:0.9, margin:0.5, learned:0.2, "
                  "patience:3, fixed:2, never")
      ->type_name("POINT")
      ->allow_extra_args(false)
      ->group(group);
  app->add_option("--exit-start", f->exit_start, "No exit before this layer")
      ->type_name("K")
      ->check(whole_number(1, kMostLayers))
      ->group(group);
}

std::vector<ExitPolicy> points_from_flags(const PointFlags& f, const ExitPolicy& of_model,
                                          bool regression) {
  std::vector<PolicyFlags> asked;
  PolicyFlags base;
  base.policy = f.policy;
  base.exit_start = f.exit_start;
  std::vector<std::string> thresholds = f.threshold;
  if (!f.thresholds.empty()) {
    for (const double t : parse_threshold_list(f.thresholds)) thresholds.push_back(shortest(t));
  }
  // A regression's patience has a threshold as well: each with each.
  const bool together = regression && !f.patience.empty() && !thresholds.empty();
  const bool has_own_flag = (f.policy == "patience" && !f.patience.empty()) ||
                            (f.policy == "fixed" && !f.exit_layer.empty());
  if (!f.policy.empty() && thresholds.empty() && !has_own_flag) asked.push_back(base);
  if (together) {
    for (const int64_t n : f.patience) {
      for (const std::string& t : thresholds) {
        PolicyFlags p = base;
        p.policy = "patience";
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
      p.policy = "patience";
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
  std::vector<ExitPolicy> policies;
  for (const PolicyFlags& p : asked) policies.push_back(policy_of(p, of_model));
  return policies;
}

}  // namespace costeff::cli
