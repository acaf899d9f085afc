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

// The rows of a list of files, in order; the engine's Source. Memory: the longest line's.
//   text   a row a line, empty lines too
//   tsv    GLUE's rules: quotes are ordinary characters
//   csv    RFC 4180
//          both: every row has as many columns as the first; blank lines at the end are no rows.
//          Before a row they are an Error in TSV; in CSV they are no rows there either, as for
//          Python's csv module and pandas. A file without any line of columns is an Error
//   jsonl  an object a line, empty lines are no rows; or one array of objects
// A row without an id gets its number, from 1 over all files (row_id.h has the form of ids).
class RowReader {
 public:
  // Throws Error(input) for a file that is missing or a directory, and Error(usage) for options
  // that do not fit, before anything is read. Waiting for input ends once *stop is true; the rows
  // end there.
  RowReader(std::vector<InputFile> files, InputOptions options,
            const std::atomic<bool>* stop = nullptr, size_t chunk_bytes = 256u << 10);
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  // All members of *row are set. row->source is valid as long as the reader. Throws Error(input)
  // that begins "file:line: "; with InputOptions::skip_bad_rows a row that cannot be read has
  // nothing but its error, place and raw text.
  ReadStatus next(Example& row, bool may_block);

  // For a reader that stops before the end. Throws Error(input) if the file in hand was changed where
  // it was read; at the end of each file next() does it.
  void check_unchanged() const {
    if (lines_) lines_->check_unchanged();
  }

  // May be asked for from another thread than next()'s. Rows given so far; they count bad ones too.
  int64_t rows() const { return rows_.load(std::memory_order_relaxed); }

  // For progress; may be asked for from another thread too. -1: not all sizes are known.
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
  bool take_row(std::string_view line, Example& row);
  void take_bad_row(const Error& error, Example& row);
  void take_raw(std::string_view line, Example& row);
  bool take_line(std::string_view line, Example& row);
  bool take_blank(std::string_view line);
  bool take_text(std::string_view line, Example& row);
  bool take_fields(int64_t line, int64_t count, Example& row);

  std::vector<InputFile> files_;
  std::vector<std::string> names_;  // [files_]; Example::source points to these
  InputOptions options_;
  const std::atomic<bool>* stop_;
  size_t chunk_bytes_;
  size_t at_ = 0;  // the file in hand, or the next one
  std::unique_ptr<LineReader> lines_;
  InputFormat format_ = InputFormat::text;
  bool looked_ = false;                 // inside the file in hand
  std::optional<JsonArrayRows> array_;  // the file in hand is one
  std::string note_;                    // to be said with the first row of the file in hand
  BlankLines blanks_;                   // of the file in hand
  int64_t line_number_ = 0;
  std::string_view held_;  // a line that comes again, after an Error about those before it
  bool holds_ = false;
  int64_t bytes_total_ = 0, bytes_before_ = 0;
  std::atomic<int64_t> rows_{0}, bytes_done_{0};

  JsonlRows jsonl_;
  CsvRecord csv_;
  Columns columns_;
  char delimiter_ = ',';
  bool have_columns_ = false;  // of the file in hand; JSONL: they are known to be there
  std::vector<std::string_view> fields_;
};

}  // namespace costeff::tasks
