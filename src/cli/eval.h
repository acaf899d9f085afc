#pragma once

// What the parts of costeff eval share.

#include <costeff/engine.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cli/infer_qa.h"
#include "cli/labelled_pass.h"
#include "cli/point_flags.h"
#include "tasks/judge/intervals.h"
#include "tasks/read/data_sets.h"
#include "tasks/write/output_file.h"

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

// Runs the verb. Returns the exit code.
int eval(const EvalFlags& flags);

tasks::BootstrapOptions bootstrap_options(const EvalFlags& flags);

// Puts the answer into --output, which was opened before the work began. Returns the exit code.
int write_output(tasks::OutputFile* output, const std::string& text);

int eval_qa(const EvalFlags& flags, const Engine& engine, const std::vector<tasks::DataSet>& sets,
            tasks::OutputFile* output);
int eval_submit(const EvalFlags& flags, const Engine& engine,
                const std::vector<tasks::DataSet>& sets, tasks::OutputFile* output);

}  // namespace costeff::cli
