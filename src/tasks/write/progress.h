#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace costeff::tasks {

struct ProgressState {
  int64_t rows = 0;
  int64_t bytes_done = 0;
  int64_t bytes_total = -1;  // -1: unknown; then there is no share and no time left
  double elapsed_s = 0;
  int64_t rows_total = -1;                    // known: the share is that of the rows
  int64_t rows_before = 0, bytes_before = 0;  // done before the clock began: no part of the rate
  // Rows read since the clock began. Some of them are under way, so that not all bytes_done count.
  // -1: all that are read are done.
  int64_t rows_read = -1;
  int64_t rows_limit = -1;                      // no more are taken, if there are so many
  std::string_view one = "row", many = "rows";  // what is counted
};

// "12,345 rows  1,234 rows/s  45%  0:32 left", cut to `width`; ASCII.
std::string progress_line(const ProgressState& state, int64_t width = 80);

// Takes a line of `drawn` columns off a terminal of `columns`: a window that has become narrower has
// broken it into several.
std::string erase_text(int64_t drawn, int64_t columns);

// A progress line on stderr is wanted where people see it and it does not get between rows: stderr
// is a terminal, and output_fd, where the rows go, is none. Nor is it a pipe: who reads there may
// write to the same terminal (| head). -1: no rows are written meanwhile.
bool want_progress(bool quiet, int output_fd);

// Draws the line on stderr, at most 10 times a second. Erases it when it goes.
class Progress {
 public:
  explicit Progress(bool enabled);
  ~Progress() { erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Starts the clock. `before`: what an earlier run has done (rows, bytes_done, and rows_read that
  // the reader has counted so far), the total or limit, and what is counted.
  void begin(const ProgressState& before);
  // rows_read: by the reader, those before the clock began too.
  void update(int64_t rows, int64_t rows_read, int64_t bytes_done, int64_t bytes_total);
  void erase();  // before something else is written to the terminal

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  Clock::time_point start_, last_;
  ProgressState before_;
  int64_t drawn_ = 0;  // columns of the line on the terminal; 0: there is none
};

}  // namespace costeff::tasks
