#pragma once

// exit_policy.json, the exit rule that a model directory carries: its text. Engine reads it.

#include <costeff/options.h>

#include <string>

namespace costeff {

// The name of the file in a model directory.
inline constexpr const char* kPolicyFile = "exit_policy.json";

// A text that Engine reads as `policy`. tuned: a JSON object, kept in the file under that key and
// read by nobody but people: what the policy was chosen for and what it promises; empty: none.
// Throws Error(internal) if `tuned` is no JSON object.
std::string exit_policy_text(const ExitPolicy& policy, const std::string& tuned = "");

}  // namespace costeff
