#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace costeff::tasks {

struct ProgressState {
  int64_t rows = 0;
  int64_t bytes_done = 0;
  int64_t bytes_total = -1;  // -1: unknown; the line then has no percentage and no time left
  double elapsed_s = 0;
  int64_t rows_total = -1;                    // if known, the percentage is that of the rows
  int64_t rows_before = 0, bytes_before = 0;  // done before the clock started; not part of the rate
  // Rows read since the clock started. Some of them are not done yet, so not all bytes_done count.
  // -1: all rows that were read are done.
  int64_t rows_read = -1;
  int64_t rows_limit = -1;  // reading stops after this many rows; -1: it does not
  std::string_view one = "row", many = "rows";  // names of what is counted
};

// "12,345 rows  1,234 rows/s  45%  0:32 left", cut to `width`; ASCII.
std::string progress_line(const ProgressState& state, int64_t width = 80);

// "0:32", "12:05", "3:07:09": seconds, rounded up.
std::string clock_text(double seconds);

// What erases a line of `drawn` columns from a terminal of `columns`. If the window has become
// narrower, the line takes several lines there.
std::string erase_text(int64_t drawn, int64_t columns);

// Whether a progress line on stderr will be seen and cannot get between rows: stderr is a terminal,
// and output_fd, to which the rows go, is neither a terminal nor a pipe, whose reader may write to
// the same terminal (| head). output_fd -1: no rows are written meanwhile.
bool want_progress(bool quiet, int output_fd);

// Draws the line on stderr, at most 10 times a second. The destructor erases it.
class Progress {
 public:
  explicit Progress(bool enabled);
  ~Progress() { erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Starts the clock. `before`: what an earlier run has done (rows, bytes_done, and in rows_read
  // the rows that the reader has counted so far), the total or limit, and the names of what is
  // counted.
  void begin(const ProgressState& before);
  // rows_read: all rows that the reader has counted, also those before the clock started.
  void update(int64_t rows, int64_t rows_read, int64_t bytes_done, int64_t bytes_total);
  // The same for work that is not rows of a file: whether a line is due, and a line of ASCII.
  bool is_due();
  void draw(std::string line);
  void erase();  // before something else is written to the terminal

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  Clock::time_point start_, last_;
  ProgressState before_;
  int64_t drawn_ = 0;  // columns of the line on the terminal; 0: there is no line
};

}  // namespace costeff::tasks
