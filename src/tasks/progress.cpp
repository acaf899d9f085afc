#include "tasks/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace costeff::tasks {
namespace {

constexpr double kRedrawSeconds = 0.1;

// "1,234,567"
std::string grouped(int64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(at, ",");
  return digits;
}

// "0:32", "12:05", "3:07:09"
std::string clock_text(int64_t seconds) {
  const auto two = [](int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const int64_t h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
  return h > 0 ? std::to_string(h) + ":" + two(m) + ":" + two(s) : std::to_string(m) + ":" + two(s);
}

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;  // progress is not worth an error
    text.remove_prefix(static_cast<size_t>(n));
  }
}

// The line must not wrap, or it cannot be erased; the last column is left free.
int64_t usable_width() {
  struct winsize size {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return std::min<int64_t>(known ? size.ws_col : 80, 80) - 1;
}

}  // namespace

std::string progress_line(const ProgressState& state, int64_t width) {
  std::string line = grouped(state.rows) + (state.rows == 1 ? " row" : " rows");
  if (const int64_t rows = state.rows - state.rows_before; state.elapsed_s > 0 && rows > 0) {
    const double rate = static_cast<double>(rows) / state.elapsed_s;
    if (rate >= 10) {
      line += "  " + grouped(static_cast<int64_t>(std::min(rate, 1e15))) + " rows/s";
    } else {
      const auto tenths = static_cast<int64_t>(std::lround(rate * 10));
      line += "  " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " rows/s";
    }
  }
  const bool by_rows = state.rows_total > 0;
  if (by_rows || state.bytes_total > 0) {
    const auto total = static_cast<double>(by_rows ? state.rows_total : state.bytes_total);
    const double done =
        std::clamp(static_cast<double>(by_rows ? state.rows : state.bytes_done), 0.0, total);
    const double fresh =
        done - static_cast<double>(by_rows ? state.rows_before : state.bytes_before);
    line += "  " + std::to_string(static_cast<int64_t>(done / total * 100)) + "%";
    if (fresh > 0) {
      const double left = std::min(state.elapsed_s * (total - done) / fresh, 1e9);
      line += "  " + clock_text(static_cast<int64_t>(std::ceil(left))) + " left";
    }
  }
  if (width < static_cast<int64_t>(line.size())) line.resize(std::max<int64_t>(width, 0));
  return line;
}

bool want_progress(bool quiet, int output_fd) {
  return !quiet && ::isatty(STDERR_FILENO) == 1 && ::isatty(output_fd) == 0;
}

Progress::Progress(bool enabled) : enabled_(enabled), start_(Clock::now()), last_(start_) {}

void Progress::begin(int64_t rows_before, int64_t bytes_before, int64_t rows_total) {
  start_ = last_ = Clock::now();
  rows_before_ = rows_before;
  bytes_before_ = bytes_before;
  rows_total_ = rows_total;
}

void Progress::update(int64_t rows, int64_t bytes_done, int64_t bytes_total) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  if (std::chrono::duration<double>(now - last_).count() < kRedrawSeconds) return;
  last_ = now;
  drawn_ = true;
  const ProgressState state{.rows = rows,
                            .bytes_done = bytes_done,
                            .bytes_total = bytes_total,
                            .elapsed_s = std::chrono::duration<double>(now - start_).count(),
                            .rows_total = rows_total_,
                            .rows_before = rows_before_,
                            .bytes_before = bytes_before_};
  write_stderr("\r\x1b[K" + progress_line(state, usable_width()));
}

void Progress::erase() {
  if (drawn_) write_stderr("\r\x1b[K");
  drawn_ = false;
}

}  // namespace costeff::tasks
