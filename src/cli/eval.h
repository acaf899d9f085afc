#pragma once

// What the parts of costeff eval share.

#include <costeff/engine.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cli/infer_qa.h"
#include "cli/input_flags.h"
#include "cli/load_flags.h"
#include "cli/point_flags.h"
#include "tasks/data_sets.h"
#include "tasks/intervals.h"
#include "tasks/output_file.h"

namespace costeff::cli {

struct EvalFlags {
  std::string model;
  std::vector<std::string> data, more_data;
  std::string split, label_field, label_order, metrics;
  InputFlags input;
  EncodeFlags encode;
  PointFlags points;
  QaFlags qa;
  LoadFlags load;
  std::string format = "text", output = "-", submit;
  bool timed = false, quiet = false, no_output_header = false;
  int64_t limit = 0, threads = 0, batch_tokens = 0, pad_to = 0, seed = 1, samples = 1000;
  double confidence = 0.95;
};

// Runs the verb. Returns the exit code.
int eval(const EvalFlags& flags);

RunOptions run_options(const EvalFlags& flags);
tasks::BootstrapOptions bootstrap_options(const EvalFlags& flags);

// Puts the answer into --output, which was opened before the work began. Returns the exit code.
int write_output(tasks::OutputFile* output, const std::string& text);

// Says that a signal has ended the verb, and returns its exit code.
int say_interrupted(const EvalFlags& flags, int64_t rows);

int eval_qa(const EvalFlags& flags, const Engine& engine, const std::vector<tasks::DataSet>& sets,
            tasks::OutputFile* output);
int eval_submit(const EvalFlags& flags, const Engine& engine,
                const std::vector<tasks::DataSet>& sets, tasks::OutputFile* output);

// How a data set is read, for its labels (gold) or without.
tasks::InputOptions eval_input_options(const EvalFlags& flags, const tasks::DataSet& set,
                                       bool gold);

}  // namespace costeff::cli
