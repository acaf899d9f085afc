#pragma once

// Rows that a run has skipped (--bad-rows skip): counts them, and keeps them in a file if one is
// asked for.

#include <costeff/qa.h>
#include <costeff/result.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "tasks/write/output_file.h"

namespace costeff::tasks {

// The file has one object a line:
//   {"source", "line", "reason", "text"}
// source and line say where the row begins. In SQuAD's files, which have no lines, line is null and
// source ends with the place in the JSON. reason does not repeat them. text is the row as it is in
// the file, with all lines of a CSV record; bytes that are not UTF-8 become U+FFFD.
class BadRows {
 public:
  // path empty: rows are only counted. Otherwise throws Error(output) as OutputFile does.
  explicit BadRows(const std::string& path, const std::atomic<bool>* stop = nullptr);

  // error: the text of the Error, with the place at its beginning. For one thread at a time, in the
  // order of the input. Throws Error(output). Not ok: the run must end.
  WriteStatus add(const Example& row, const std::string& error);
  WriteStatus add(const QaExample& row, const std::string& error);

  // Makes the file appear, even if it is empty. Throws Error(output).
  WriteStatus commit();

  int64_t count() const { return count_; }
  const std::string& first() const { return first_; }  // the error of the first row

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
