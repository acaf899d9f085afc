#pragma once

// The flags of costeff eval.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/flags/pass_flags.h"
#include "cli/flags/point_flags.h"
#include "cli/flags/qa_flags.h"
#include "tasks/judge/evaluation.h"
#include "tasks/judge/intervals.h"
#include "tasks/judge/metrics.h"

namespace costeff::cli {

struct EvalFlags {
  PassFlags pass;
  std::vector<std::string> more_data;
  std::string metrics;
  PointFlags points;
  QaFlags qa;
  std::string format = "text", output = "-", submit;
  bool timed = false, no_output_header = false;
  int64_t seed = 1, samples = 1000;
  double confidence = 0.95;
};

// Adds the subcommand with all its flags and its help. The caller appends more_data to pass.data.
CLI::App* add_eval_flags(CLI::App* app, EvalFlags* flags);

// Flags that are missing or wrong, before anything is loaded. Throws Error(usage), and Error(input)
// for data that cannot be read.
void check_eval_flags(const EvalFlags& flags);

// Flags that do not fit the data. Throws Error(usage).
void check_eval_flags(const EvalFlags& flags, const std::vector<tasks::DataSet>& sets);

// --metrics, or those of the task. Throws Error(usage) for a metric that does not fit the model.
std::vector<tasks::Metric> metrics_of(const EvalFlags& flags, const tasks::DataSet& set,
                                      const ModelInfo& model);

tasks::BootstrapOptions bootstrap_options(const EvalFlags& flags);

}  // namespace costeff::cli
