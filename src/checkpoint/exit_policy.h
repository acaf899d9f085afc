#pragma once

// exit_policy.json beside the weights holds the exit rule that was tuned for the model. It is used
// if the user gives none. Its keys follow the table in costeff/policy.h:
//   {"policy": "entropy", "threshold": x}             also max-prob, margin, learned
//   {"policy": "entropy", "thresholds": [x, ...]}     one for each layer
//   {"policy": "patience", "patience": n}             and "threshold": x for a regression
//   {"policy": "fixed", "layer": k}
//   {"policy": "confident-patience", "patience": n, "threshold": x}     and "average": true
//   {"policy": "divergence-patience", "patience": n, "threshold": x}
//   {"policy": "evidence", "threshold": x, "exit_weights": [w, ...]}    and "weights_from": "0f..."
//   {"policy": "never"}
// and "exit_start": s with any of them.

#include <costeff/options.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/json/json.h"

namespace costeff::checkpoint {

// The keys that some policies have a use for, in the order in which they are written.
inline constexpr std::array<std::string_view, 7> kPolicyKeys = {
    "threshold", "thresholds", "patience", "layer", "average", "exit_weights", "weights_from"};

// Returns nullopt if there is no such file. Throws Error(model) for an unknown key or policy, a value
// of the wrong type, or a key that the policy does not use. policy_fault() tells whether the model can
// run the policy.
std::optional<ExitPolicy> read_exit_policy(const std::string& path);
ExitPolicy parse_exit_policy(const std::string& text, const std::string& place);
// The object that parse_exit_policy reads as `policy`.
Json exit_policy_json(const ExitPolicy& policy);

}  // namespace costeff::checkpoint
