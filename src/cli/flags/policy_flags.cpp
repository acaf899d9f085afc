#include "cli/flags/policy_flags.h"

#include <costeff/error.h>
#include <costeff/policy.h>
#include <fmt/format.h>

#include "base/fail.h"
#include "cli/flags/flag_checks.h"

namespace costeff::cli {
namespace {

// Does the policy have the number that a flag sets?
bool has_number(PolicyKind kind, int64_t ExitPolicy::*number) {
  return policy_traits(kind).number_at == number;
}

// Refuses a flag that only goes with policies for which `fits`.
template <typename Fits>
[[noreturn]] void refuse_flag(const char* flag, Fits fits) {
  std::vector<std::string_view> names;
  for (const PolicyTraits& row : kPolicies) {
    if (fits(row)) names.push_back(row.name);
  }
  const auto last = names.back();
  names.pop_back();
  fail_usage("{} goes with --policy {}{}{}", flag, fmt::join(names, ", "),
             names.empty() ? "" : " or ", last);
}

// What is compared and counted.
void set_numbers(const PolicyFlags& f, const ExitPolicy& own, bool regression, ExitPolicy* p) {
  // With labels patience compares nothing with a threshold: the flag would be ignored.
  const bool asks_patience = f.patience >= 0 || !f.policy.empty();
  if (!f.threshold.empty() && p->kind == PolicyKind::patience && asks_patience && !regression) {
    fail_usage(
        "--threshold (-S) says nothing with {} where the model gives labels; leave one of the two "
        "out",
        f.patience >= 0 ? "--patience" : "--policy patience");
  }
  if (!f.threshold.empty()) p->thresholds = parse_thresholds(f.threshold);
  const bool lacks_number =
      f.patience < 0 && own.kind != p->kind && has_number(p->kind, &ExitPolicy::patience);
  if (has_threshold(p->kind) && p->thresholds.empty()) {
    fail_usage("--policy {} needs {}--threshold", policy_name(p->kind),
               lacks_number ? "--patience and " : "");
  }
  if (lacks_number) fail_usage("--policy {} needs --patience", policy_name(p->kind));
  if (f.patience >= 0) {
    if (!has_number(p->kind, &ExitPolicy::patience)) {
      refuse_flag("--patience",
                  [](const PolicyTraits& t) { return t.number_at == &ExitPolicy::patience; });
    }
    p->patience = f.patience;
  }
  if (f.exit_layer != 0) {
    if (!has_number(p->kind, &ExitPolicy::layer))
      throw_usage("--exit-layer goes with --policy fixed");
    p->layer = f.exit_layer;
  } else if (has_number(p->kind, &ExitPolicy::layer) && own.kind != p->kind) {
    throw_usage("--policy fixed needs --exit-layer");
  }
}

// Whose answer it is, and how far the exits are believed.
void set_answer(const PolicyFlags& f, ExitPolicy* p) {
  const PolicyTraits& t = policy_traits(p->kind);
  if (f.average) {
    if (!t.may_average)
      refuse_flag("--average", [](const PolicyTraits& row) { return row.may_average; });
    p->average = *f.average;
  }
  if (!f.exit_weights.empty()) {
    if (!t.needs_weights)
      refuse_flag("--exit-weights", [](const PolicyTraits& row) { return row.needs_weights; });
    p->exit_weights = parse_exit_weights(f.exit_weights);
    p->weights_from.clear();
  }
}

}  // namespace

PolicyKind kind_of_flags(const PolicyFlags& f, const ExitPolicy& own) {
  if (!f.policy.empty()) return parse_policy_kind(f.policy);
  if (f.exit_layer != 0) return PolicyKind::fixed;
  if (f.patience >= 0)
    return has_number(own.kind, &ExitPolicy::patience) ? own.kind : PolicyKind::patience;
  if (!f.threshold.empty()) return own.thresholds.empty() ? PolicyKind::entropy : own.kind;
  return own.kind;
}

void add_average_flag(CLI::App* app, const char* group, std::optional<bool>* average) {
  // add_flag with an optional gives it a value even if the flag is absent.
  app->add_flag_function(
         "--average,!--no-average", [average](int64_t times) { *average = times > 0; },
         "confident-patience: answer with the average of the N exits in a row")
      ->group(group);
}

void add_exit_weights_flag(CLI::App* app, const char* group, std::string* weights) {
  app->add_option("--exit-weights", *weights,
                  "evidence: how far each exit is to be believed, one number per layer. Default: "
                  "those of the model's exit_policy.json")
      ->type_name("W[,W...]")
      ->group(group);
}

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
         "never; confident-patience (--patience exits in a row with an entropy below it), "
         "divergence-patience (N in a row with a divergence from the one before below it), "
         "evidence (weighted probabilities of exits that agree add up to more). If no flag of this "
         "group is given: as the model's exit_policy.json says, else never")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--patience", f->patience,
                  "Leave when N exits in a row agree with the one before (policy patience); "
                  "regression: differ from it by less than the threshold. Also the number of exits "
                  "in a row of confident-patience and divergence-patience")
      ->type_name("N")
      ->check(whole_number(0, kMaxLayers))
      ->group(group);
  add_average_flag(app, group, &f->average);
  add_exit_weights_flag(app, group, &f->exit_weights);
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
      f.exit_start == 0 && !f.average && f.exit_weights.empty()) {
    return std::nullopt;
  }
  ExitPolicy p;
  p.kind = kind_of_flags(f, own);
  const int64_t default_start = f.exit_layer == 0 ? own.exit_start : 1;
  if (p.kind == own.kind) p = own;
  p.exit_start = f.exit_start != 0 ? f.exit_start : default_start;
  set_numbers(f, own, regression, &p);
  set_answer(f, &p);
  if (p.kind == PolicyKind::fixed && p.exit_start > p.layer) {
    fail_usage("--exit-layer {} lies before --exit-start {}", p.layer, p.exit_start);
  }
  return p;
}

}  // namespace costeff::cli
