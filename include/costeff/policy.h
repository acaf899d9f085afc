#pragma once

// Exit policies: what they are, how they are written, and which models can run them. Names, flags,
// exit_policy.json, checks and curves all follow the table, so a new policy is a row here and a rule in
// exit/policy.cpp.

#include <costeff/options.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace costeff {

struct ModelInfo;

enum class ThresholdUse {
  none,
  regression,  // only a regression has one
  always,
};

// One row for each PolicyKind.
struct PolicyTraits {
  std::string_view name;  // --policy, exit_policy.json
  PolicyKind value = PolicyKind::never;
  bool asks_exits = false;  // decides by the exits before the last one
  ThresholdUse threshold = ThresholdUse::none;
  bool leaves_above = false;            // above its threshold, not below it
  std::string_view compared = {};       // what is compared with the threshold: "entropy"
  std::string_view number = {};         // the whole number that it needs: its key in JSON,
  int64_t ExitPolicy::*number_at = {};  // where it is kept,
  int64_t least_number = 0;             // and its smallest value
  bool needs_probabilities = false;     // a regression cannot run it
  bool needs_learned_exit = false;      // only BERxiT can run it
  bool remembers =
      false;  // decides by several exits: no threshold below 0, none found layer by layer
  bool may_average = false;    // may answer with the mean of several exits (ExitPolicy::average)
  bool needs_weights = false;  // ExitPolicy::exit_weights
};

inline constexpr std::array<PolicyTraits, 10> kPolicies{{
    {.name = "never", .value = PolicyKind::never},
    {.name = "entropy",
     .value = PolicyKind::entropy,
     .asks_exits = true,
     .threshold = ThresholdUse::always,
     .compared = "entropy",
     .needs_probabilities = true},
    {.name = "max-prob",
     .value = PolicyKind::max_prob,
     .asks_exits = true,
     .threshold = ThresholdUse::always,
     .leaves_above = true,
     .compared = "largest probability",
     .needs_probabilities = true},
    {.name = "margin",
     .value = PolicyKind::margin,
     .asks_exits = true,
     .threshold = ThresholdUse::always,
     .leaves_above = true,
     .compared = "margin",
     .needs_probabilities = true},
    {.name = "patience",
     .value = PolicyKind::patience,
     .asks_exits = true,
     .threshold = ThresholdUse::regression,
     .compared = "difference",
     .number = "patience",
     .number_at = &ExitPolicy::patience},
    {.name = "learned",
     .value = PolicyKind::learned,
     .asks_exits = true,
     .threshold = ThresholdUse::always,
     .compared = "learned uncertainty",
     .needs_learned_exit = true},
    {.name = "fixed",
     .value = PolicyKind::fixed,
     .number = "layer",
     .number_at = &ExitPolicy::layer,
     .least_number = 1},
    // Zhang et al. 2022, PCEE-BERT: Accelerating BERT Inference via Patient and Confident Early Exiting.
    {.name = "confident-patience",
     .value = PolicyKind::confident_patience,
     .asks_exits = true,
     .threshold = ThresholdUse::always,
     .compared = "entropy",
     .number = "patience",
     .number_at = &ExitPolicy::patience,
     .least_number = 1,
     .needs_probabilities = true,
     .remembers = true,
     .may_average = true},
    // Gao et al. 2023, F-PABEE: Flexible-patience-based early exiting for single-label and multi-label text
    // classification tasks.
    {.name = "divergence-patience",
     .value = PolicyKind::divergence_patience,
     .asks_exits = true,
     .threshold = ThresholdUse::always,
     .compared = "divergence",
     .number = "patience",
     .number_at = &ExitPolicy::patience,
     .least_number = 1,
     .needs_probabilities = true,
     .remembers = true},
    // Bajpai and Hanawal 2025, BEEM: Boosting performance of early exit DNNs using multi-exit classifiers as
    // experts.
    {.name = "evidence",
     .value = PolicyKind::evidence,
     .asks_exits = true,
     .threshold = ThresholdUse::always,
     .leaves_above = true,
     .compared = "evidence",
     .needs_probabilities = true,
     .remembers = true,
     .needs_weights = true},
}};

inline constexpr const PolicyTraits& policy_traits(PolicyKind kind) {
  for (const PolicyTraits& row : kPolicies) {
    if (row.value == kind) return row;
  }
  return kPolicies.front();
}

// "entropy", "max-prob", ...: the name for --policy and in exit_policy.json.
inline std::string policy_name(PolicyKind kind) { return std::string(policy_traits(kind).name); }

// Whether every exit compares something with a threshold, for any model.
inline constexpr bool has_threshold(PolicyKind kind) {
  return policy_traits(kind).threshold == ThresholdUse::always;
}

// Whether the exits before the last one are computed. Not for patience 0, which never leaves.
inline bool asks_exits(const ExitPolicy& p) {
  const PolicyTraits& t = policy_traits(p.kind);
  return t.asks_exits && (!t.number_at || p.*t.number_at > 0);
}

// Whether rows that leave early get the mean of several exits as their answer.
inline bool averages(const ExitPolicy& p) {
  return policy_traits(p.kind).may_average && p.average && p.patience > 1;
}

// Whether the weights of exits, without which it cannot run, are not known.
inline bool lacks_weights(const ExitPolicy& p) {
  return policy_traits(p.kind).needs_weights && p.exit_weights.empty();
}

// The policy of that name. Throws an Error(usage) that lists the names.
PolicyKind parse_policy_kind(std::string_view name);

// Reads one threshold, "0.3"; one for each layer, "0.3,0.2,0.1"; or BERxiT's form "v,n;v,n": v for the
// next n layers. Throws Error(usage).
std::vector<double> parse_thresholds(std::string_view text);

// Reads the weights of exits, "0.8,0.85,0.9", or one for all. Throws Error(usage).
std::vector<double> parse_exit_weights(std::string_view text);

// Reads many settings of one threshold: "0,0.1,0.2", or "0:0.7:0.05", from 0 to 0.7 in steps. Throws an
// Error(usage) that names --thresholds.
std::vector<double> parse_threshold_list(std::string_view text);

// The properties of a model that decide which policies it can run.
struct ModelExits {
  std::vector<int64_t> layers;  // [E] 1-based, ascending; the last is the final classifier
  int64_t num_labels = 0;
  ProblemType problem = ProblemType::single_label;
  bool learned = false;      // some exit has a learned uncertainty (BERxiT)
  std::string dialect = {};  // for messages; empty: not known
};

ModelExits exits_of(const ModelInfo& model);

// Returns in one line why the model cannot run the policy: a threshold is missing, not a number or one
// too many, a layer is out of range, the model does not have the exit, ... Returns "" if it can.
std::string policy_fault(const ModelExits& model, const ExitPolicy& policy);

// The same for label thresholds (RunOptions): the model is not multi-label, or they are not one and not as many as
// labels, or not 0 to 1.
std::string label_threshold_fault(const ModelExits& model, std::span<const double> thresholds);

// Throws Error(usage) with that line.
void check_policy(const ModelExits& model, const ExitPolicy& policy);
void check_policy(const ModelInfo& model, const ExitPolicy& policy);

// The same for a kind of policy, with any threshold or number.
void check_policy_kind(const ModelExits& model, PolicyKind kind, int64_t exit_start = 1);

// Throws Error(usage) if the policy has no thresholds that a search could choose layer by layer.
void check_by_layer(PolicyKind kind);

// A policy in words, for tables.
struct PolicyWords {
  std::string name;     // "entropy"
  std::string setting;  // "0.1"; "0.3,0.2,0.1"; patience: N; fixed: the layer; never: ""
  std::string text;     // "entropy < 0.1"
};
PolicyWords policy_words(const ExitPolicy& policy);

// The same for people: "entropy below 0.4, from layer 2", "never (the last layer answers)", ...
std::string policy_text(const ExitPolicy& policy);

}  // namespace costeff
