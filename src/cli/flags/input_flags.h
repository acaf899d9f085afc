#pragma once

// Flags that say what to read and how to tokenise it, shared by the verbs that score.

#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tasks/lines/line_reader.h"
#include "tasks/read/input_options.h"

namespace costeff::cli {

struct InputFlags {
  std::vector<std::string> files;
  std::string format = "auto", text_field, pair_field, id_field, separator, delimiter, task;
  bool header = false, no_header = false;
};
void add_input_flags(CLI::App* app, InputFlags* flags);   // FILES and those of add_format_flags
void add_format_flags(CLI::App* app, InputFlags* flags);  // all but FILES

// Both throw Error(usage).
std::vector<tasks::InputFile> input_files(const InputFlags& flags);
tasks::InputOptions input_options(const InputFlags& flags);

struct EncodeFlags {
  int64_t max_length = 0;
  std::string truncation = "longest_first", pair_cut = "fast";
};
void add_encode_flags(CLI::App* app, EncodeFlags* flags);
EncodeOptions encode_options(const EncodeFlags& flags);  // throws Error(usage)

}  // namespace costeff::cli
