#pragma once

// What a run opens before it computes, and what is said about it.

#include <costeff/engine.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/flags/bad_row_flags.h"
#include "cli/flags/input_flags.h"
#include "tasks/read/input_options.h"
#include "tasks/write/bad_rows.h"

namespace costeff::cli {

// The model, with its warnings on standard error. Throws Error(model).
Engine load_engine(const std::string& model, const LoadOptions& options);
// ModelInfo::warnings and the like. They are said even with --quiet.
void say_model_warnings(const std::vector<std::string>& warnings);

// InputOptions::say: says it on standard error, unless `quiet`.
std::function<void(const std::string&)> reading_remarks(bool quiet);

// That label thresholds come from exit_policy.json, as `asked` has none; nothing if they do not.
void say_label_thresholds(const ModelInfo& model, std::span<const double> asked);

// input_options for a pass whose reader says on standard error what it reads otherwise than asked,
// unless `quiet`. Throws Error(usage).
tasks::InputOptions input_options_that_say(const InputFlags& flags, bool quiet = false);

// Opens --bad-rows-file before the work starts. Throws Error(output).
std::unique_ptr<tasks::BadRows> open_bad_rows(const BadRowFlags& flags);

// What a run says at the end: a line on standard error for each kind of such rows that there are.
void say_row_warnings(const RunStats& stats);
void say_row_warnings(const QaStats& stats);
// one, many: "row", "rows".
void say_skipped(const tasks::BadRows& bad, const std::string& one = "row",
                 const std::string& many = "rows");

}  // namespace costeff::cli
