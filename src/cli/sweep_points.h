#pragma once

// Which settings a sweep judges.

#include <costeff/engine.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "tasks/judge/sweep.h"

namespace costeff::cli {

struct SweepPointFlags {
  std::string policies, thresholds;
  std::vector<std::string> points;  // as --point of costeff eval
  int64_t count = 100, exit_start = 0;
};

void add_sweep_point_flags(CLI::App* app, SweepPointFlags* flags);

// Refuses what cannot work before anything is computed. Throws Error(usage).
void check_sweep_points(const SweepPointFlags& flags, const ModelInfo& model);

// Full depth first, then the model's own policy, those given, then a curve for each policy, not yet
// judged. *searched: thresholds a layer were chosen on `data`.
std::vector<tasks::SweepPoint> sweep_points(const SweepPointFlags& flags,
                                            const tasks::Evaluated& data, const ModelInfo& model,
                                            bool* searched);

}  // namespace costeff::cli
