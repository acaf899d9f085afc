#pragma once

// Flags of texts that are longer than the model.

#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "cli/flags/input_flags.h"

namespace costeff::cli {

struct DocFlags {
  int64_t stride = -1;  // -1: not given
  std::string join;
  bool windows = false;
};

// questions: contexts of --task qa are read so, too. windows: the verb can print the answers of windows.
void add_doc_flags(CLI::App* verb, DocFlags* flags, bool questions, bool windows);

// Throws Error(usage) for flags that need --doc-stride, or say nothing with it.
void check_doc_flags(const DocFlags& flags, const EncodeFlags& encode);

// Sets doc_stride, join and windows. Throws Error(usage).
void add_doc_options(const DocFlags& flags, RunOptions* options);

}  // namespace costeff::cli
