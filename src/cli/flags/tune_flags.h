#pragma once

// The flags of costeff tune, and what they ask for.

#include <costeff/engine.h>
#include <costeff/tune.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/flags/pass_flags.h"

namespace costeff::cli {

struct TuneFlags {
  PassFlags pass;
  std::optional<double> max_drop, speedup, budget_ms, confidence;
  bool consistency = false, per_layer = false, dry_run = false, else_never = false, json = false;
  std::string policies, score_range, output;
  CurveForm form;
  double search_share = 0.5, value_threshold = 0.1;
  int64_t seed = 1, exit_start = 1, repeat = 3;
};

// Adds the subcommand with all its flags and its help.
CLI::App* add_tune_flags(CLI::App* app, TuneFlags* flags);

// Flags that contradict each other, before anything is loaded. Throws Error(usage).
void check_tune_flags(const TuneFlags& flags);

// The goal and the curves. Throw Error(usage) for what does not fit the model.
TuneGoal tune_goal(const TuneFlags& flags, const ModelInfo& model);
std::vector<Curve> tuned_curves(const TuneFlags& flags, const ModelInfo& model);

}  // namespace costeff::cli
