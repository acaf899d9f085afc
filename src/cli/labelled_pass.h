#pragma once

// Labelled data read and computed once at every exit, for the verbs that judge policies.

#include <costeff/engine.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/bad_row_flags.h"
#include "cli/input_flags.h"
#include "cli/load_flags.h"
#include "tasks/judge/evaluation.h"
#include "tasks/read/data_sets.h"
#include "tasks/read/reader.h"

namespace costeff::cli {

struct PassFlags {
  std::string model, split, label_field, label_order;
  std::vector<std::string> data;
  LoadFlags load;
  InputFlags input;
  EncodeFlags encode;
  BadRowFlags bad_rows;
  int64_t limit = 0, threads = 0, batch_tokens = 0, pad_to = 0;
  bool quiet = false;
};

// MODEL, one --data and what says how to read and compute it. batch: also --batch-tokens, which
// some verbs have of their own.
void add_pass_flags(CLI::App* app, PassFlags* flags, bool batch);

// A signal came while rows were read.
struct PassInterrupted {
  int64_t rows = 0;
};

struct LabelledPass {
  tasks::DataSet set;
  tasks::LabelMap labels;
  tasks::Evaluated data;  // without labels: labels and scores are empty
  int64_t skipped = 0;    // rows (--bad-rows skip)
  RunStats stats;
};

// How every pass over the data computes, and how a data set is read: for its labels or without.
RunOptions pass_run_options(const PassFlags& flags);
tasks::InputOptions pass_input_options(const PassFlags& flags, const tasks::DataSet& set,
                                       bool labelled);
// The rows of a reader, --limit of them. labels: a row whose label they do not have is a bad one,
// where those are skipped; null: labels are not looked at.
Source pass_source(const PassFlags& flags, tasks::RowReader* reader,
                   const tasks::LabelMap* labels = nullptr);

// Which file it is, and of which task. Refuses what these verbs cannot judge. Throws Error.
tasks::DataSet find_data_set(const PassFlags& flags, const Engine& engine);

// One line on stderr on what is compared with what, and how we know; a warning if the model was
// trained for another task.
void say_data(const PassFlags& flags, const tasks::DataSet& set, const std::string& labels,
              const ModelInfo& model);

// The pass that computes every exit. labelled: rows must have labels. Rows that are skipped go to
// `bad`, and what was odd about rows is said on stderr. watch, if any, sees the others go by. Throws
// Error and PassInterrupted.
using RowWatcher = std::function<void(std::span<const Example>, std::span<const Result>)>;
LabelledPass run_pass(const PassFlags& flags, const Engine& engine, const tasks::DataSet& set,
                      bool labelled, tasks::BadRows* bad, const RowWatcher& watch = {});

// Seconds of one pass over the same rows that leaves early in earnest. Throws PassInterrupted.
double time_pass(const PassFlags& flags, const Engine& engine, const tasks::DataSet& set,
                 bool labelled, const ExitPolicy& policy, int64_t batch_tokens);

int say_pass_interrupted(const PassFlags& flags, const PassInterrupted& e);

}  // namespace costeff::cli
