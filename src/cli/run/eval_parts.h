#pragma once

// The parts of costeff eval that do not score labels.

#include <costeff/engine.h>

#include <vector>

#include "cli/flags/eval_flags.h"
#include "tasks/read/data_sets.h"
#include "tasks/write/output_file.h"

namespace costeff::cli {

// SQuAD: scores answers to questions. Returns the exit code.
int eval_qa(const EvalFlags& flags, const Engine& engine, const std::vector<tasks::DataSet>& sets,
            tasks::OutputFile* output);

// --submit: writes the files that the GLUE site accepts, and their list to `output`. Returns the
// exit code.
int eval_submit(const EvalFlags& flags, const Engine& engine,
                const std::vector<tasks::DataSet>& sets, tasks::OutputFile* output);

}  // namespace costeff::cli
