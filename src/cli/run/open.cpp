#include "cli/run/open.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "base/utf8.h"
#include "cli/flags/model_name.h"
#include "cli/run/print.h"

namespace costeff::cli {
namespace {

void warn(int64_t rows, const std::string& one, const std::string& many) {
  if (rows > 0) say("warning: {}", counted(rows, one, many));
}

}  // namespace

Engine load_engine(const std::string& model, const LoadOptions& options) {
  check_model_found(model);
  Engine engine(model, options);
  say_model_warnings(engine.info().warnings);
  return engine;
}

void say_model_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& w : warnings) say("warning: {}", printable(w, 400));
}

std::function<void(const std::string&)> reading_remarks(bool quiet) {
  if (quiet) return {};
  return [](const std::string& text) {
    // The line may hold the progress.
    if (::isatty(STDERR_FILENO) == 1) std::fputs("\r\x1b[K", stderr);
    say_text(text);
  };
}

tasks::InputOptions input_options_that_say(const InputFlags& f, bool quiet) {
  tasks::InputOptions o = input_options(f);
  o.say = reading_remarks(quiet);
  return o;
}

std::unique_ptr<tasks::BadRows> open_bad_rows(const BadRowFlags& f) {
  return std::make_unique<tasks::BadRows>(f.file, &interrupted);
}

void say_row_warnings(const RunStats& s) {
  warn(s.truncated_rows, "row was longer than the maximal length and was cut",
       "rows were longer than the maximal length and were cut");
  warn(s.empty_rows, "row has no text", "rows have no text");
  warn(s.bad_utf8_rows, "row is not UTF-8; its bad bytes were read as U+FFFD",
       "rows are not UTF-8; their bad bytes were read as U+FFFD");
}

void say_row_warnings(const QaStats& s) {
  warn(s.empty_questions, "question or its context has no text",
       "questions or their contexts have no text");
  warn(s.bad_utf8_questions, "question or its context is not UTF-8; bad bytes were read as U+FFFD",
       "questions or their contexts are not UTF-8; bad bytes were read as U+FFFD");
}

void say_skipped(const tasks::BadRows& bad, const std::string& one, const std::string& many) {
  warn(bad.count(), one + " was skipped: " + bad.first(),
       many + " were skipped, the first: " + bad.first());
}

void say_label_thresholds(const ModelInfo& m, std::span<const double> asked) {
  const std::vector<double>& own = m.policy.label_thresholds;
  if (asked.empty() && !own.empty())
    say("labels with a probability above {} (exit_policy.json)", fmt::join(own, ", "));
}

}  // namespace costeff::cli
