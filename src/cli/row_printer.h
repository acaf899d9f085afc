#pragma once

// Rows of output as a run gives them, with the progress line beside them.

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/bus_error.h"
#include "tasks/progress.h"
#include "tasks/row_output.h"

namespace costeff::cli {

// Nobody reads the output any more: the run ends, and that is no error.
struct OutputClosed {};

// Writes rows as they come. One thread at a time is in it. A Reader says bytes_done() and
// bytes_total() of the input.
class RowPrinter {
 public:
  RowPrinter(tasks::RowOutput* file, bool quiet)
      : file_(*file),
        progress_(tasks::want_progress(quiet, file->fd())),
        rows_before_(file->rows_found()) {}

  // The reader stands before the first row. rows_total: of all rows, those of an earlier run too;
  // -1: unknown.
  template <typename Reader>
  void begin(const Reader& reader, int64_t rows_total) {
    progress_.begin(rows_before_, reader.bytes_done(), rows_total);
  }

  // What is written before the next rows: a header.
  std::string* text() { return &text_; }

  // append(text): adds these rows.
  template <typename Reader, typename Append>
  void print(const Reader& reader, size_t rows, Append append) {
    const auto start = std::chrono::steady_clock::now();
    append(&text_);
    write(static_cast<int64_t>(rows));
    rows_ += static_cast<int64_t>(rows);
    progress_.update(rows_before_ + rows_, reader.bytes_done(), reader.bytes_total());
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  // No more rows come: an output without rows has a header too.
  void finish() { write(0); }

  void erase_progress() { progress_.erase(); }
  int64_t rows() const { return rows_; }  // of this run
  double seconds() const { return seconds_; }

 private:
  void write(int64_t rows) {
    const tasks::WriteStatus status = file_.write(text_, rows);
    text_.clear();
    if (file_.straight()) rows_out.fetch_add(rows, std::memory_order_relaxed);
    if (status != tasks::WriteStatus::ok) throw OutputClosed();
  }

  tasks::RowOutput& file_;
  tasks::Progress progress_;
  std::string text_;
  int64_t rows_before_, rows_ = 0;
  double seconds_ = 0;
};

}  // namespace costeff::cli
