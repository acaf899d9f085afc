#pragma once

// Rows that a run has skipped (--bad-rows skip): counted, and kept in a file where one is asked for.

#include <costeff/qa.h>
#include <costeff/result.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "tasks/write/output_file.h"

namespace costeff::tasks {

// One object a line:
//   {"source", "line", "reason", "text"}
// source and line say where the row begins; line is null where there are none (SQuAD's files, whose
// source goes on with the place in the JSON). reason does not repeat them. text is the row as the
// file has it, all lines of a CSV record; bytes that are not UTF-8 become U+FFFD.
class BadRows {
 public:
  // path empty: rows are only counted. Else throws Error(output) as OutputFile does.
  explicit BadRows(const std::string& path, const std::atomic<bool>* stop = nullptr);

  // error: what the Error said, with the place it begins with. One thread at a time, in the order
  // of the input. Throws Error(output). Not ok: the run must end.
  WriteStatus add(const Example& row, const std::string& error);
  WriteStatus add(const QaExample& row, const std::string& error);

  // The file appears, even if it is empty.
  WriteStatus commit();

  int64_t count() const { return count_; }
  const std::string& first() const { return first_; }  // its error

 private:
  struct Row {
    std::string_view place, source, error, text;
    int64_t line = 0;
  };
  WriteStatus add(const Row& row);
  WriteStatus flush();

  std::optional<OutputFile> file_;
  int64_t count_ = 0;
  std::string first_, text_;
};

}  // namespace costeff::tasks
