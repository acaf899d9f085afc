#pragma once

// Runs of --shard and --resume, and what is said when any run is interrupted.

#include <costeff/engine.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/flags/input_flags.h"
#include "cli/flags/load_flags.h"
#include "cli/flags/long_run_flags.h"
#include "tasks/lines/line_reader.h"
#include "tasks/lines/run_files.h"
#include "tasks/write/bad_rows.h"
#include "tasks/write/row_output.h"

namespace costeff::cli {

// Rows [first, last) of the input; last -1: to the end.
struct RowRange {
  int64_t first = 0, last = -1;
  int64_t rows() const { return last < 0 ? -1 : last - first; }  // -1: unknown
};
// The rows of a part: contiguous, and no part has more than one row more than another.
RowRange shard_rows(const Shard& shard, int64_t rows);

// Throws Error(usage) for files that cannot be read twice (standard input, pipes); `flag` is the
// reason to read them again.
void check_rereadable(const std::vector<tasks::InputFile>& files, const char* flag);

// Reads and forgets the next rows: `max` of them, or all that are left. Returns their number.
int64_t skip_rows(const std::function<ReadStatus()>& next, int64_t max = INT64_MAX);

// Reads past the `found` rows that an earlier run has written. Among them lie rows that it has
// skipped (--bad-rows skip): `row`, which `next` fills, has an error, or check() throws Error(input)
// for it. They go to `bad` again.
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

// Everything that the rows of a run depend on, model and input by their contents. `more`: what the
// verb adds; without policy flags it names the model's own policy. `begun`: the files before the
// run loaded them. Throws if their contents may have changed since.
tasks::Fingerprint run_fingerprint(const ModelInfo& model, const InputFlags& input,
                                   const LoadFlags& load, const LongRunFlags& flags,
                                   const std::vector<tasks::InputFile>& files,
                                   const tasks::RunFiles& begun, tasks::Fingerprint more);

// The files of a run with --shard or --resume as they are before it loads or counts anything; of
// another run, none.
tasks::RunFiles files_at_begin(const LongRunFlags& flags, const std::string& model,
                               const std::vector<tasks::InputFile>& files);

// Throws e again. If rows were written by then that can be read already, an error of the model also
// gives their number. one, many: "row", "rows".
[[noreturn]] void throw_with_rows(const Error& e, const tasks::RowOutput& output, int64_t rows,
                                  const char* one, const char* many);

// The end of an interrupted run: how far it came and how to go on. output: where the rows went; one,
// many: "row", "rows".
void say_how_to_go_on(tasks::RowOutput* output, const std::string& path, int64_t rows,
                      const char* one, const char* many);
void say_going_on(const tasks::RowOutput& output, const char* one, const char* many);

}  // namespace costeff::cli
