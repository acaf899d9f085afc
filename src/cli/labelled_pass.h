#pragma once

// Labelled data read and computed once at every exit, for the verbs that judge policies.

#include <costeff/engine.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/input_flags.h"
#include "cli/load_flags.h"
#include "tasks/data_sets.h"
#include "tasks/evaluation.h"

namespace costeff::cli {

struct PassFlags {
  std::string model, data, split, label_field, label_order;
  LoadFlags load;
  InputFlags input;
  EncodeFlags encode;
  int64_t limit = 0, threads = 0, batch_tokens = 0, pad_to = 0;
  bool quiet = false;
};

// MODEL, --data and what says how to read and compute it. batch: also --batch-tokens, which some
// verbs have of their own.
void add_pass_flags(CLI::App* app, PassFlags* flags, bool batch);

// A signal came while rows were read.
struct PassInterrupted {
  int64_t rows = 0;
};

struct LabelledPass {
  tasks::DataSet set;
  tasks::LabelMap labels;
  tasks::Evaluated data;  // without labels: labels and scores are empty
  RunStats stats;
};

// Which file it is, and of which task. Refuses what these verbs cannot judge. Throws Error.
tasks::DataSet find_data_set(const PassFlags& flags, const Engine& engine);

// The pass that computes every exit. labelled: rows must have labels. watch, if any, sees the rows
// go by. Throws Error and PassInterrupted.
using RowWatcher = std::function<void(std::span<const Example>, std::span<const Result>)>;
LabelledPass run_pass(const PassFlags& flags, const Engine& engine, const tasks::DataSet& set,
                      bool labelled, const RowWatcher& watch = {});

// Seconds of one pass over the same rows that leaves early in earnest. Throws PassInterrupted.
double time_pass(const PassFlags& flags, const Engine& engine, const tasks::DataSet& set,
                 const ExitPolicy& policy, int64_t batch_tokens);

int say_pass_interrupted(const PassFlags& flags, const PassInterrupted& e);

}  // namespace costeff::cli
