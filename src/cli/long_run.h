#pragma once

// --shard and --resume: parts of a big file, and runs that go on where one was interrupted.

#include <costeff/engine.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/input_flags.h"
#include "cli/load_flags.h"
#include "tasks/lines/line_reader.h"
#include "tasks/lines/run_files.h"
#include "tasks/write/bad_rows.h"
#include "tasks/write/row_output.h"

namespace costeff::cli {

struct LongRunFlags {
  std::string shard;  // "2/5"; empty: all
  bool resume = false;
};
void add_long_run_flags(CLI::App* app, LongRunFlags* flags);

struct Shard {
  int64_t part = 1, parts = 1;
};
Shard parse_shard(const std::string& text);  // throws Error(usage)

// Rows [first, last) of the input; last -1: to the end.
struct RowRange {
  int64_t first = 0, last = -1;
};
// Contiguous parts whose sizes differ by one row at most.
RowRange shard_rows(const Shard& shard, int64_t rows);

// Throws Error(usage) for files that cannot be read twice (standard input, pipes), which `flag`
// does.
void check_rereadable(const std::vector<tasks::InputFile>& files, const char* flag);

// Rows that `next` has still to give, or `most` of them, read and forgotten.
int64_t skip_rows(const std::function<ReadStatus()>& next, int64_t most = INT64_MAX);

// Reads past the rows that an earlier run has written, `found` of them. Those that are skipped
// (--bad-rows skip) lie between them: `row`, which `next` fills, has an error, or check() throws
// Error(input) for it; they go to `bad` again.
template <typename Next, typename Row, typename Check>
void pass_found_rows(Next next, int64_t found, bool skip, tasks::BadRows* bad, const Row& row,
                     Check check) {
  while (found > 0 && next() == ReadStatus::row) {
    if (skip) {
      try {
        check();
      } catch (const Error& e) {
        if (e.kind() != ErrorKind::input) throw;
        bad->add(row, e.what());
        continue;
      }
    }
    --found;
  }
}

// What the rows of a run depend on, the model and the input by their contents. Of a policy that
// nobody gives, say the model's. `more`: what the verb adds. Throws if the contents may be others
// than those that were loaded: begun is from before.
tasks::Fingerprint run_fingerprint(const ModelInfo& model, const InputFlags& input,
                                   const LoadFlags& load, const LongRunFlags& flags,
                                   const std::vector<tasks::InputFile>& files,
                                   const tasks::RunFiles& begun, tasks::Fingerprint more);

// The files of a long run as they are before it loads or counts anything; of another run, none.
tasks::RunFiles files_at_begin(const LongRunFlags& flags, const std::string& model,
                               const std::vector<tasks::InputFile>& files);

// Throws e again. An error of the model may come after rows were written that can be read already:
// it says how many.
[[noreturn]] void throw_with_rows(const Error& e, const tasks::RowOutput& output, int64_t rows,
                                  const char* one, const char* many);

// The end of an interrupted run: how far it came and how to go on.
// output: where the rows went. unit: "row", "rows".
void say_how_to_go_on(tasks::RowOutput* output, const std::string& path, int64_t rows,
                      const char* one, const char* many);
void say_going_on(const tasks::RowOutput& output, const char* one, const char* many);

}  // namespace costeff::cli
