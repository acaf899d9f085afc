#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace costeff::tasks {

struct ProgressState {
  int64_t rows = 0;
  int64_t bytes_done = 0;
  int64_t bytes_total = -1;  // -1: unknown; then there is no share and no time left
  double elapsed_s = 0;
  int64_t rows_total = -1;                    // known: the share is that of the rows
  int64_t rows_before = 0, bytes_before = 0;  // done before the clock began: no part of the rate
};

// "12,345 rows  1,234 rows/s  45%  0:32 left", cut to `width`; ASCII.
std::string progress_line(const ProgressState& state, int64_t width = 80);

// A progress line on stderr is wanted where people see it and it does not get between rows: stderr
// is a terminal, and output_fd, where the rows go, is none.
bool want_progress(bool quiet, int output_fd);

// Draws the line on stderr, at most 10 times a second. Erases it when it goes.
class Progress {
 public:
  explicit Progress(bool enabled);
  ~Progress() { erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Starts the clock, behind what an earlier run has done. rows_total -1: unknown.
  void begin(int64_t rows_before, int64_t bytes_before, int64_t rows_total);
  void update(int64_t rows, int64_t bytes_done, int64_t bytes_total);
  void erase();  // before something else is written to the terminal

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_, drawn_ = false;
  Clock::time_point start_, last_;
  int64_t rows_before_ = 0, bytes_before_ = 0, rows_total_ = -1;
};

}  // namespace costeff::tasks
