#pragma once

// The exit flags, shared by the verbs that score.

#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace costeff::cli {

struct PolicyFlags {
  std::string policy, threshold, exit_weights;
  std::optional<bool> average;
  int64_t patience = -1, exit_layer = 0, exit_start = 0;
};

void add_policy_flags(CLI::App* app, PolicyFlags* flags);

// Two of them alone.
void add_average_flag(CLI::App* app, const char* group, std::optional<bool>* average);
void add_exit_weights_flag(CLI::App* app, const char* group, std::string* weights);

// The kind of policy that the flags ask for. Throws Error(usage) for a name that is not known.
PolicyKind kind_of_flags(const PolicyFlags& flags, const ExitPolicy& own);

// The policy that the flags ask for; what they leave open comes from the model's own policy `own`.
// A threshold alone keeps the kind of that policy (entropy if it has no threshold), and so does a number
// of exits (patience if it has none). Absent: no flag was given. regression: the model gives a score; only then patience has a threshold. Throws
// Error(usage).
std::optional<ExitPolicy> policy_from_flags(const PolicyFlags& flags, const ExitPolicy& own,
                                            bool regression);

}  // namespace costeff::cli
