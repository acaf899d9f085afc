#pragma once

// --bad-rows and --bad-rows-file, and what is said at the end on rows that were not taken as they
// are.

#include <costeff/engine.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tasks/write/bad_rows.h"

namespace costeff::cli {

struct BadRowFlags {
  std::string mode = "fail", file;
  bool skip() const { return mode == "skip"; }
};
void add_bad_row_flags(CLI::App* app, const std::string& group, BadRowFlags* flags);

// outputs, inputs: what the file must not be; empty names are none. Throws Error(usage).
void check_bad_row_flags(const BadRowFlags& flags, const std::vector<std::string>& outputs,
                         const std::vector<std::string>& inputs);

// Opens the file, before the work starts. Throws Error(output).
std::unique_ptr<tasks::BadRows> open_bad_rows(const BadRowFlags& flags);

// What a run says at the end: one line each on stderr, as far as there are such rows.
void say_row_warnings(const RunStats& stats);
void say_row_warnings(const QaStats& stats);
// one, many: "row", "rows".
void say_skipped(const tasks::BadRows& bad, const std::string& one = "row",
                 const std::string& many = "rows");

}  // namespace costeff::cli
