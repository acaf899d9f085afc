#pragma once

// Labelled data read and computed once at every exit, for the verbs that judge policies.

#include <costeff/engine.h>

#include <cstdint>
#include <functional>
#include <string>

#include "cli/flags/pass_flags.h"
#include "tasks/judge/evaluation.h"
#include "tasks/read/data_sets.h"
#include "tasks/read/reader.h"
#include "tasks/write/bad_rows.h"

namespace costeff::cli {

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
  std::string fingerprint;  // 16 hexadecimal digits that tell these texts from others
};

// The rows of a reader, at most --limit of them. labels: if bad rows are skipped, a row whose label
// they do not have is one; null: labels are not looked at.
Source pass_source(const PassFlags& flags, tasks::RowReader* reader,
                   const tasks::LabelMap* labels = nullptr);

// The file to read and its task. Throws Error(usage) for what these verbs cannot judge.
tasks::DataSet find_data_set(const PassFlags& flags, const Engine& engine);

// Says what is compared with what, and how we know; warns if the model was trained for another task.
void say_data(const PassFlags& flags, const tasks::DataSet& set, const std::string& labels,
              const ModelInfo& model);

// The pass that computes every exit. labelled: rows must have labels. Rows that are skipped go to
// `bad`; what was odd about others is said on stderr. watch, if any, sees the rows that are kept, and the
// table with the answers to all so far.
// Throws Error and PassInterrupted.
using RowWatcher = std::function<void(std::span<const Example>, const ExitTable&)>;
LabelledPass run_pass(const PassFlags& flags, const Engine& engine, const tasks::DataSet& set,
                      bool labelled, tasks::BadRows* bad, const RowWatcher& watch = {});

// Says so if a policy's exit weights were estimated on these very rows.
void say_own_weights(const PassFlags& flags, const LabelledPass& pass,
                     std::span<const ExitPolicy> policies);

// Seconds of one pass over the same rows in which they really leave early. Throws PassInterrupted.
double time_pass(const PassFlags& flags, const Engine& engine, const tasks::DataSet& set,
                 bool labelled, const ExitPolicy& policy, int64_t batch_tokens);

// Milliseconds of at most `limit` of those rows, each given as soon as the one before is answered; the first few
// are not counted if there are more. Throws PassInterrupted.
std::vector<double> time_rows(const PassFlags& flags, const Engine& engine,
                              const tasks::DataSet& set, bool labelled, const ExitPolicy& policy,
                              int64_t limit);

// Returns the exit code.
int say_pass_interrupted(const PassFlags& flags, const PassInterrupted& e);

}  // namespace costeff::cli
