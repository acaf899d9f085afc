#pragma once

// costeff infer --task qa: questions and contexts in, answers out.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "cli/bad_row_flags.h"
#include "cli/input_flags.h"
#include "cli/load_flags.h"
#include "cli/long_run.h"

namespace costeff::cli {

struct QaFlags {
  int64_t doc_stride = -1, max_answer_length = 30, n_best = 0;
  bool version_2 = false;
  double null_threshold = 0;
};
// `infer` has the input flags already: --task then knows qa too.
void add_qa_flags(CLI::App* infer, QaFlags* flags);

bool is_qa_task(const std::string& task);

// Throws Error(usage) for a flag of infer that says nothing with this task.
void check_qa_flags(const CLI::App& infer, const std::string& task);

struct QaCommand {
  std::string model;
  InputFlags input;
  QaFlags flags;
  LoadFlags load;
  LongRunFlags long_run;
  BadRowFlags bad_rows;
  std::string keep, format, output;
  int64_t max_length = 0, threads = 0, batch_tokens = 0;
  bool no_output_header = false, quiet = false, verbose = false, stats = false, stats_json = false;
};
int infer_qa(const QaCommand& command);

}  // namespace costeff::cli
