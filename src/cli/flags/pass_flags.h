#pragma once

// Flags of the verbs that judge policies on one data set: what to read and how to compute it.

#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/flags/bad_row_flags.h"
#include "cli/flags/doc_flags.h"
#include "cli/flags/input_flags.h"
#include "cli/flags/load_flags.h"
#include "tasks/read/data_sets.h"
#include "tasks/read/input_options.h"

namespace costeff::cli {

struct PassFlags {
  std::string model, split, label_field, label_order, label_threshold;
  std::vector<std::string> data;
  LoadFlags load;
  InputFlags input;
  EncodeFlags encode;
  BadRowFlags bad_rows;
  DocFlags doc;  // of verbs that know long texts
  int64_t limit = 0, threads = 0, batch_tokens = 0, pad_to = 0;
  bool quiet = false;
};

// MODEL, one --data and the rest. batch: also --batch-tokens, which some verbs define themselves. models: of
// verbs that take several; null: PassFlags::model is the only one.
void add_pass_flags(CLI::App* app, PassFlags* flags, bool batch,
                    std::vector<std::string>* models = nullptr);

// How every pass over the data computes, and how a data set is read: with its labels or without.
RunOptions pass_run_options(const PassFlags& flags);
tasks::InputOptions pass_input_options(const PassFlags& flags, const tasks::DataSet& set,
                                       bool labelled);

}  // namespace costeff::cli
