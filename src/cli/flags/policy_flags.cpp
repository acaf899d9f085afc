#include "cli/flags/policy_flags.h"

#include <costeff/error.h>
#include <costeff/policy.h>

#include "base/fail.h"
#include "cli/flags/flag_checks.h"

namespace costeff::cli {
namespace {

// Does the policy have the number that a flag sets?
bool has_number(PolicyKind kind, int64_t ExitPolicy::*number) {
  return policy_traits(kind).number_at == number;
}

}  // namespace

void add_policy_flags(CLI::App* app, PolicyFlags* f) {
  const char* group = "Early exit";
  app->add_option(
         "--threshold,-S", f->threshold,
         "Threshold of the policy: one number, or one per layer (0.3,0.2,0.1). Entropy is in nats")
      ->type_name("X[,X...]")
      ->group(group);
  app->add_option(
         "--policy", f->policy,
         "When a text leaves: entropy (below the threshold), max-prob or margin (above it), "
         "patience (--patience), learned (BERxiT: uncertainty below it), fixed (--exit-layer), "
         "never. If no flag of this group is given: as the model's exit_policy.json says, else "
         "never")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--patience", f->patience,
                  "Leave when N exits in a row agree with the one before (policy patience); "
                  "regression: differ from it by less than the threshold")
      ->type_name("N")
      ->check(whole_number(0, kMaxLayers))
      ->group(group);
  app->add_option("--exit-layer", f->exit_layer,
                  "Leave at this layer, no sooner and no later (policy fixed)")
      ->type_name("K")
      ->check(whole_number(1, kMaxLayers))
      ->group(group);
  app->add_option("--exit-start", f->exit_start, "No exit before this layer")
      ->type_name("K")
      ->check(whole_number(1, kMaxLayers))
      ->group(group);
}

std::optional<ExitPolicy> policy_from_flags(const PolicyFlags& f, const ExitPolicy& own,
                                            bool regression) {
  if (f.policy.empty() && f.threshold.empty() && f.patience < 0 && f.exit_layer == 0 &&
      f.exit_start == 0) {
    return std::nullopt;
  }
  ExitPolicy p;
  if (!f.policy.empty()) {
    p.kind = parse_policy_kind(f.policy);
  } else if (f.exit_layer != 0) {
    p.kind = PolicyKind::fixed;
  } else if (f.patience >= 0) {
    p.kind = PolicyKind::patience;
  } else if (!f.threshold.empty()) {
    p.kind = own.thresholds.empty() ? PolicyKind::entropy : own.kind;
  } else {
    p = own;
  }
  if (p.kind == own.kind) {
    p.thresholds = own.thresholds;
    p.layer = own.layer;
    p.patience = own.patience;
  }
  // With labels patience compares nothing with a threshold: the flag would be ignored.
  const bool asks_patience = f.patience >= 0 || !f.policy.empty();
  if (!f.threshold.empty() && p.kind == PolicyKind::patience && asks_patience && !regression) {
    fail_usage(
        "--threshold (-S) says nothing with {} where the model gives labels; leave one of the two "
        "out",
        f.patience >= 0 ? "--patience" : "--policy patience");
  }
  if (!f.threshold.empty()) p.thresholds = parse_thresholds(f.threshold);
  if (has_threshold(p.kind) && p.thresholds.empty())
    fail_usage("--policy {} needs --threshold", policy_name(p.kind));
  if (f.patience >= 0) {
    if (!has_number(p.kind, &ExitPolicy::patience))
      throw_usage("--patience goes with --policy patience");
    p.patience = f.patience;
  } else if (has_number(p.kind, &ExitPolicy::patience) && own.kind != p.kind) {
    fail_usage("--policy {} needs --patience", policy_name(p.kind));
  }
  if (f.exit_layer != 0) {
    if (!has_number(p.kind, &ExitPolicy::layer))
      throw_usage("--exit-layer goes with --policy fixed");
    p.layer = f.exit_layer;
  } else if (has_number(p.kind, &ExitPolicy::layer) && own.kind != p.kind) {
    throw_usage("--policy fixed needs --exit-layer");
  }
  if (f.exit_start != 0) {
    p.exit_start = f.exit_start;
  } else if (f.exit_layer == 0) {
    p.exit_start = own.exit_start;
  }
  if (p.kind == PolicyKind::fixed && p.exit_start > p.layer) {
    fail_usage("--exit-layer {} lies before --exit-start {}", p.layer, p.exit_start);
  }
  return p;
}

}  // namespace costeff::cli
