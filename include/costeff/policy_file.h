#pragma once

// The text of exit_policy.json, the exit rule in a model directory. Engine reads it.

#include <costeff/options.h>

#include <string>

namespace costeff {

// The name of the file in a model directory.
inline constexpr const char* kPolicyFile = "exit_policy.json";

// A text that Engine reads as `policy`. tuned: empty, or a JSON object that the file gets under that
// key, for people only: what the policy was chosen for, and what it promises. Throws Error(internal) if
// `tuned` is no JSON object.
std::string exit_policy_text(const ExitPolicy& policy, const std::string& tuned = "");

}  // namespace costeff
