#pragma once

#include <costeff/engine.h>
#include <costeff/error.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/lines/delimited.h"
#include "tasks/lines/json_array.h"
#include "tasks/lines/line_reader.h"
#include "tasks/read/columns.h"
#include "tasks/read/input_options.h"
#include "tasks/read/jsonl_row.h"

namespace costeff::tasks {

// The rows of a list of files, in order; the engine's Source. Holds one line at a time.
//   text   a row a line, empty lines too
//   tsv    GLUE's rules: quotes are ordinary characters
//   csv    RFC 4180
//          both: every row has as many columns as the first; blank lines at the end are no rows.
//          Blank lines before a row are an Error in TSV, and no rows in CSV, as for Python's csv
//          module and pandas. A file without any line of columns is an Error
//   jsonl  an object a line, empty lines are no rows; or one array of objects
// A row without an id gets its number, from 1 over all files (row_id.h has the form of ids).
class RowReader {
 public:
  // Throws Error(input) for a file that is missing or a directory, and Error(usage) for options
  // that do not fit, before anything is read. Once *stop is true, waiting for input ends, and so do
  // the rows.
  RowReader(std::vector<InputFile> files, InputOptions options,
            const std::atomic<bool>* stop = nullptr, size_t chunk_bytes = 256u << 10);
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  // Sets all members of `row`. row.source is valid as long as the reader. Throws Error(input) that
  // begins "file:line: ". With InputOptions::skip_bad_rows, a row that cannot be read has only its
  // error, place and raw text.
  ReadStatus next(Example& row, bool may_block);

  // For a caller that stops before the end. Throws Error(input) if the current file was changed
  // where it had been read; at the end of each file next() checks this.
  void check_unchanged() const {
    if (lines_) lines_->check_unchanged();
  }

  // Rows given so far, bad ones too. May be called from another thread than next().
  int64_t rows() const { return rows_.load(std::memory_order_relaxed); }

  // For progress; may be called from another thread too. -1: not all sizes are known.
  int64_t bytes_total() const { return bytes_total_; }
  int64_t bytes_done() const { return bytes_done_.load(std::memory_order_relaxed); }

 private:
  struct BlankLines {
    int64_t pending = 0, first_pending = 0;  // since the last row, and the line of the first
    int64_t skipped = 0, first_skipped = 0;  // between rows
  };

  InputFormat format_of(const InputFile& file) const;
  bool is_auto(const InputFile& file) const;
  void check_options(const InputFile& file, InputFormat format) const;
  void open_next();
  LineStatus look_inside(bool may_block);
  LineStatus look_at_delimiter(bool may_block);
  void say(const std::string& text) const;
  void finish_file();
  LineStatus next_line(std::string_view* line, bool may_block);
  bool read_row(std::string_view line, Example& row);
  void make_bad_row(const Error& error, Example& row);
  void keep_raw(std::string_view line, Example& row);
  bool read_line(std::string_view line, Example& row);
  bool is_blank_line(std::string_view line);
  bool read_text(std::string_view line, Example& row);
  bool read_fields(int64_t line, int64_t count, Example& row);

  std::vector<InputFile> files_;
  std::vector<std::string> names_;  // [files_]; Example::source points to these
  InputOptions options_;
  const std::atomic<bool>* stop_;
  size_t chunk_bytes_;
  size_t at_ = 0;  // the current file, or the next one
  std::unique_ptr<LineReader> lines_;
  InputFormat format_ = InputFormat::text;
  bool looked_ = false;                 // the current file's format is decided
  std::optional<JsonArrayRows> array_;  // the current file is one
  std::string note_;                    // to be said with the first row of the current file
  BlankLines blanks_;                   // of the current file
  int64_t line_number_ = 0;
  std::string_view held_;  // a line to be given again, after an Error about those before it
  bool holds_ = false;
  int64_t bytes_total_ = 0, bytes_before_ = 0;
  std::atomic<int64_t> rows_{0}, bytes_done_{0};

  JsonlRows jsonl_;
  CsvRecord csv_;
  Columns columns_;
  char delimiter_ = ',';
  bool have_columns_ = false;  // of the current file; JSONL: they are known to be there
  std::vector<std::string_view> fields_;
};

}  // namespace costeff::tasks
