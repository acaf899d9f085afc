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
  bool consistency = false, hamming = false, per_layer = false, dry_run = false, else_never = false,
       json = false;
  std::string policies, score_range, output;
  CurveForm form;
  std::vector<std::string> points;  // as --point of costeff sweep
  double search_share = 0.5, value_threshold = 0.1;
  int64_t seed = 1, exit_start = 1, repeat = 3;
};

// Adds the subcommand with all its flags and its help.
CLI::App* add_tune_flags(CLI::App* app, TuneFlags* flags);

// Flags that contradict each other, before anything is loaded. Throws Error(usage).
void check_tune_flags(const TuneFlags& flags);

// Whether a setting was given without a goal: it is written as it is.
bool has_no_goal(const TuneFlags& flags);

// The goal, the curves and the settings that were given. Throw Error(usage) for what does not fit the model.
TuneGoal tune_goal(const TuneFlags& flags, const ModelInfo& model);
std::vector<Curve> tuned_curves(const TuneFlags& flags, const ModelInfo& model);
std::vector<ExitPolicy> tuned_points(const TuneFlags& flags, const ModelInfo& model);

}  // namespace costeff::cli
