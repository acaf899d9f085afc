#include "cli/bad_row_flags.h"

#include <costeff/error.h>

#include <cstdio>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"

namespace costeff::cli {
namespace {

void warn(int64_t rows, const std::string& one, const std::string& many) {
  if (rows == 0) return;
  std::fprintf(stderr, "costeff: warning: %lld %s\n", static_cast<long long>(rows),
               printable(rows == 1 ? one : many).c_str());
}

}  // namespace

void add_bad_row_flags(CLI::App* app, const std::string& group, BadRowFlags* f) {
  app->add_option("--bad-rows", f->mode,
                  "A row that cannot be read or scored: fail (default) ends the run there, skip "
                  "leaves it out and says at the end how many there were. Rows without an id keep "
                  "the number that they have in the input")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--bad-rows-file", f->file,
                  "With --bad-rows skip: write the skipped rows here, as JSONL of source, line, "
                  "reason and text")
      ->type_name("FILE")
      ->group(group);
}

void check_bad_row_flags(const BadRowFlags& f, const std::vector<std::string>& outputs,
                         const std::vector<std::string>& inputs) {
  if (f.mode != "fail" && f.mode != "skip") {
    throw_usage("--bad-rows \"" + printable(f.mode, 40) + "\", expected fail or skip");
  }
  if (f.file.empty()) return;
  if (!f.skip()) throw_usage("--bad-rows-file needs --bad-rows skip");
  refuse_to_replace(f.file, inputs);
  for (const std::string& output : outputs) {
    if (output.empty() || !same_place(f.file, output)) continue;
    throw_usage("--bad-rows-file " + printable(f.file, 200) +
                ": is where the results go, expected another file");
  }
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

}  // namespace costeff::cli
