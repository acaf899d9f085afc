#pragma once

// --bad-rows and --bad-rows-file.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace costeff::cli {

struct BadRowFlags {
  std::string mode = "fail", file;
  bool skip() const { return mode == "skip"; }
};
void add_bad_row_flags(CLI::App* app, const std::string& group, BadRowFlags* flags);

// The file must be none of the outputs and inputs; empty names are ignored. Throws Error(usage).
void check_bad_row_flags(const BadRowFlags& flags, const std::vector<std::string>& outputs,
                         const std::vector<std::string>& inputs);

}  // namespace costeff::cli
