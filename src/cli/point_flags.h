#pragma once

// Flags that name several exit policies at once.

#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace costeff::cli {

struct PointFlags {
  std::string policy;
  std::vector<std::string> threshold;  // -S, each a number or one a layer
  std::string thresholds;              // "0,0.1,0.2" or "0:0.7:0.05"
  std::vector<int64_t> patience, exit_layer;
  std::vector<std::string> points;  // "max-prob:0.9"
  int64_t exit_start = 0;
};

void add_point_flags(CLI::App* app, PointFlags* flags);

struct PolicyPoint {
  ExitPolicy policy;
  std::string name;     // "entropy"
  std::string setting;  // "0.1"; "0.3,0.2,0.1"; patience: N; fixed: K; never: ""
  std::string text;     // "entropy < 0.1"
};

// In the order: --threshold and --thresholds, --patience, --exit-layer, --point. No flag: the
// model's own policy. Throws Error(usage).
std::vector<PolicyPoint> points_from_flags(const PointFlags& flags, const ExitPolicy& of_model,
                                           bool regression);

PolicyPoint describe_point(const ExitPolicy& policy);

// "0,0.1,0.2", or "0:0.7:0.05" from 0 to 0.7 in steps. Throws Error(usage).
std::vector<double> parse_threshold_list(const std::string& text);

}  // namespace costeff::cli
