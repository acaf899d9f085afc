#pragma once

// Rows of output as a run gives them, with the progress line beside them.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cli/bus_error.h"
#include "tasks/write/bad_rows.h"
#include "tasks/write/progress.h"
#include "tasks/write/row_output.h"

namespace costeff::cli {

// Nobody reads the output any more: the run ends, and that is no error.
struct OutputClosed {};

// Writes rows as they come, and gives those that were skipped to `bad`. One thread at a time is in
// it. A Reader says rows(), bytes_done() and bytes_total() of the input.
class RowPrinter {
 public:
  // one, many: "row", "rows".
  RowPrinter(tasks::RowOutput* file, tasks::BadRows* bad, bool quiet, std::string_view one,
             std::string_view many)
      : file_(*file), bad_(*bad), progress_(tasks::want_progress(quiet, file->fd())) {
    state_.one = one;
    state_.many = many;
  }

  // The reader stands before the first row. rows_total: of all rows, those of an earlier run too;
  // -1: unknown.
  template <typename Reader>
  void begin(const Reader& reader, int64_t rows_total) {
    state_.rows = done_ = file_.rows_found() + bad_.count();
    state_.rows_read = reader.rows();
    state_.bytes_done = reader.bytes_done();
    state_.rows_total = rows_total;
    progress_.begin(state_);
  }

  // What is written before the next rows: a header.
  std::string* text() { return &text_; }

  // append(row, result, index, text) adds a row; index: from 0, of those that are written.
  template <typename Reader, typename Row, typename Answer, typename Append>
  void print(const Reader& reader, std::span<const Row> rows, std::span<const Answer> answers,
             Append append) {
    const auto start = std::chrono::steady_clock::now();
    int64_t written = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (answers[i].error.empty()) {
        append(rows[i], answers[i], rows_ + written++, &text_);
      } else {
        check(bad_.add(rows[i], answers[i].error));
      }
    }
    write(written);
    rows_ += written;
    done_ += static_cast<int64_t>(rows.size());
    progress_.update(done_, reader.rows(), reader.bytes_done(), reader.bytes_total());
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  // No more rows come: an output without rows has a header too.
  void finish() { write(0); }

  // All is written. The rows that were skipped first: with the output all is there.
  void commit() {
    check(bad_.commit());
    file_.commit();
  }

  void erase_progress() { progress_.erase(); }
  int64_t rows() const { return rows_; }  // written by this run
  double seconds() const { return seconds_; }

 private:
  static void check(tasks::WriteStatus status) {
    if (status != tasks::WriteStatus::ok) throw OutputClosed();
  }
  void write(int64_t rows) {
    const tasks::WriteStatus status = file_.write(text_, rows);
    text_.clear();
    if (file_.straight()) rows_out.fetch_add(rows, std::memory_order_relaxed);
    check(status);
  }

  tasks::RowOutput& file_;
  tasks::BadRows& bad_;
  tasks::Progress progress_;
  tasks::ProgressState state_;
  std::string text_;
  int64_t rows_ = 0, done_ = 0;  // done_: with those of an earlier run and those skipped
  double seconds_ = 0;
};

}  // namespace costeff::cli
