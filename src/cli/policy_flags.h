#pragma once

// The exit flags, shared by the verbs that score.

#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace costeff::cli {

struct PolicyFlags {
  std::string policy, threshold;
  int64_t patience = -1, exit_layer = 0, exit_start = 0;
};

void add_policy_flags(CLI::App* app, PolicyFlags* flags);

// The policy that the flags ask for, based on the model's own where they leave something open: a
// threshold alone keeps the model's kind of policy (entropy if it has none). Absent: no flag was
// given. Throws Error(usage).
std::optional<ExitPolicy> policy_from_flags(const PolicyFlags& flags, const ExitPolicy& of_model);

}  // namespace costeff::cli
