#pragma once

// Flags that name several exit policies at once.

#include <costeff/policy.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace costeff::cli {

struct PointFlags {
  std::string policy;
  std::vector<std::string> threshold;  // -S, each one number or one per layer
  std::string thresholds;              // "0,0.1,0.2" or "0:0.7:0.05"
  std::vector<int64_t> patience, exit_layer;
  std::vector<std::string> points;  // "max-prob:0.9"
  std::optional<bool> average;      // of all that may
  std::string exit_weights;         // of all that need them
  int64_t exit_start = 0;
};

void add_point_flags(CLI::App* app, PointFlags* flags);

// The policies in this order: --threshold and --thresholds, --patience, --exit-layer, --point.
// Without any flag: the model's own policy `own`. Throws Error(usage).
std::vector<ExitPolicy> points_from_flags(const PointFlags& flags, const ExitPolicy& own,
                                          bool regression);

// The policy as --point reads it. exit_start and exit weights have flags of their own.
std::string point_text(const ExitPolicy& policy);

}  // namespace costeff::cli
