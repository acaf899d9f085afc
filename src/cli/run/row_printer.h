#pragma once

// Writes the rows of a run as they come, and shows its progress.

#include <costeff/engine.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cli/run/bus_error.h"
#include "cli/run/long_run.h"
#include "cli/run/print.h"
#include "tasks/lines/run_files.h"
#include "tasks/write/bad_rows.h"
#include "tasks/write/progress.h"
#include "tasks/write/row_output.h"

namespace costeff::cli {

// Nobody reads the output any more. The run ends, which is no error.
struct OutputClosed {};

// Skipped rows go to `bad`. One thread at a time may call it. A Reader has rows(), bytes_done() and
// bytes_total() of the input.
class RowPrinter {
 public:
  // one, many: "row", "rows".
  RowPrinter(tasks::RowOutput* file, tasks::BadRows* bad, bool quiet, std::string_view one,
             std::string_view many)
      : file_(*file), bad_(*bad), progress_(tasks::want_progress(quiet, file->fd())) {
    state_.one = one;
    state_.many = many;
  }

  // The reader stands before the first row. rows_total: the number of all rows, including those of
  // an earlier run; -1: unknown.
  template <typename Reader>
  void begin(const Reader& reader, int64_t rows_total) {
    state_.rows = done_ = file_.rows_found() + bad_.count();
    state_.rows_read = reader.rows();
    state_.bytes_done = reader.bytes_done();
    state_.rows_total = rows_total;
    progress_.begin(state_);
  }

  // Text to write before the next rows, such as a header.
  std::string* text() { return &text_; }

  // append(row, result, index, text) adds a row; index counts the written rows from 0.
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

  // No more rows come. Writes the header if there were none.
  void finish() { write(0); }

  // Puts the files in place, that of the skipped rows first: when the output is there, all is.
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
  int64_t rows_ = 0, done_ = 0;  // done_: includes those of an earlier run and those skipped
  double seconds_ = 0;
};

// The rows of `range`, before which the reader stands: next(row, may_block) for Engine::run.
template <typename Reader>
auto rows_in_range(Reader* reader, RowRange range) {
  return [reader, range](auto& row, bool may_block) {
    if (range.last >= 0 && reader->rows() >= range.last) {
      reader->check_unchanged();
      return ReadStatus::end;
    }
    return reader->next(row, may_block);
  };
}

enum class RunEnd { done, stopped, pipe_closed };

// Computes and writes all rows: compute() prints them, add_footer() adds text after the last one.
// begun: the files of the run before it loaded them. one, many: "row", "rows". Throws Error.
template <typename Compute, typename AddFooter>
RunEnd write_rows(RowPrinter* printer, const tasks::RowOutput& output, const tasks::RunFiles& begun,
                  const char* one, const char* many, Compute compute, AddFooter add_footer) {
  try {
    compute();
    if (!interrupted) {
      add_footer();
      printer->finish();
      begun.check_inputs();
      printer->erase_progress();
      printer->commit();
      return RunEnd::done;
    }
  } catch (const OutputClosed&) {
    if (!interrupted) return RunEnd::pipe_closed;
  } catch (const Error& e) {
    printer->erase_progress();
    throw_with_rows(e, output, printer->rows(), one, many);
  }
  printer->erase_progress();
  return RunEnd::stopped;
}

}  // namespace costeff::cli
