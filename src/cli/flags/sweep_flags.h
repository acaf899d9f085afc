#pragma once

// The flags of costeff sweep.

#include <costeff/curve.h>
#include <costeff/engine.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/flags/pass_flags.h"
#include "tasks/page/speed_chart.h"

namespace costeff::cli {

struct SweepFlags {
  PassFlags pass;                   // of one model
  std::vector<std::string> models;  // all of them
  std::string policies, thresholds, exit_weights;
  CurveForm form;
  std::vector<std::string> points;  // as --point of costeff eval
  int64_t count = 100, exit_start = 0;
  std::string tsv, json, svg, html, svg_axis, title, batch_tokens = "256";
  bool unlabelled = false, timed = false;
  int64_t shown = 8, examples = 20, repeat = 5, timed_points = 6;
};

// Adds the subcommand with all its flags and its help.
CLI::App* add_sweep_flags(CLI::App* app, SweepFlags* flags);

// Refuses what cannot work before anything is computed. Throws Error(usage).
void check_sweep_flags(const SweepFlags& flags, const tasks::DataSet& set, const ModelInfo& model);

// What the flags ask for. All throw Error(usage).
SweepRequest sweep_request(const SweepFlags& flags, const ModelInfo& model);
std::vector<int64_t> batch_sizes(const SweepFlags& flags);
tasks::SpeedAxis svg_axis(const SweepFlags& flags);

}  // namespace costeff::cli
