#pragma once

// The flags of costeff infer.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "cli/flags/bad_row_flags.h"
#include "cli/flags/doc_flags.h"
#include "cli/flags/input_flags.h"
#include "cli/flags/load_flags.h"
#include "cli/flags/long_run_flags.h"
#include "cli/flags/policy_flags.h"
#include "cli/flags/qa_flags.h"

namespace costeff::cli {

struct InferFlags {
  std::string model;
  InputFlags input;
  EncodeFlags encode;
  PolicyFlags policy;
  DocFlags doc;
  QaFlags qa;
  LoadFlags load;
  LongRunFlags long_run;
  BadRowFlags bad_rows;
  std::string keep, mode, label_threshold;
  double max_delay = -1;
  std::string format, output = "-";
  bool all_exits = false, no_output_header = false, quiet = false, verbose = false;
  bool stats = false, stats_json = false;
  int64_t top_k = 0, threads = 0, batch_tokens = 0, pad_to = 0;
};

// Adds the subcommand with all its flags and its help.
CLI::App* add_infer_flags(CLI::App* app, InferFlags* flags);

}  // namespace costeff::cli
