#pragma once

// exit_policy.json beside the weights: the exit rule a model was tuned with, used when the user
// gives none.
//   {"policy": "entropy" | "max-prob" | "margin" | "learned", "threshold": x | "thresholds":
//    [x, ...], "exit_start": s}        {"policy": "patience", "patience": n, "threshold": x}
//   {"policy": "fixed", "layer": k}        {"policy": "never"}

#include <costeff/options.h>

#include <optional>
#include <string>

#include "base/json.h"

namespace costeff::checkpoint {

// Absent file: nullopt. Throws Error(model) for an unknown key or policy, a value of the wrong
// type, or a key that the policy has no use for. Whether it fits the model's layers is checked by
// who runs it.
std::optional<ExitPolicy> read_exit_policy(const std::string& path);
ExitPolicy parse_exit_policy(const std::string& text, const std::string& place);
// What parse_exit_policy reads as `policy`.
Json exit_policy_json(const ExitPolicy& policy);

}  // namespace costeff::checkpoint
