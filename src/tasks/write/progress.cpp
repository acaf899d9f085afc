#include "tasks/write/progress.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/format.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr double kRedrawSeconds = 0.1;

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;  // progress is not worth an error
    text.remove_prefix(static_cast<size_t>(n));
  }
}

int64_t terminal_columns() {
  struct winsize size {};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// How much of the work is done.
struct Share {
  double done = 0, before = 0, total = 0;  // total 0: unknown
  bool is_more_than(const Share& other) const {
    return total > 0 && (other.total <= 0 || done / total > other.done / other.total);
  }
};

Share share_of(double done, int64_t before, int64_t total) {
  if (total <= 0) return {};
  const auto all = static_cast<double>(total);
  return {std::clamp(done, 0.0, all), static_cast<double>(before), all};
}

Share share_of_bytes(const ProgressState& s) {
  auto fresh = static_cast<double>(s.bytes_done - s.bytes_before);
  const int64_t rows = s.rows - s.rows_before;
  if (s.rows_read > rows) fresh *= static_cast<double>(rows) / static_cast<double>(s.rows_read);
  return share_of(static_cast<double>(s.bytes_before) + fresh, s.bytes_before, s.bytes_total);
}

Share share_of_work(const ProgressState& s) {
  const auto rows = static_cast<double>(s.rows);
  if (s.rows_total > 0) return share_of(rows, s.rows_before, s.rows_total);
  // Whichever comes first, the limit or the end of the input.
  const Share limited = share_of(rows, s.rows_before, s.rows_limit);
  const Share bytes = share_of_bytes(s);
  return limited.is_more_than(bytes) ? limited : bytes;
}

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(std::clamp(seconds, 0.0, 1e9)));
  const int64_t h = whole / 3600, m = whole / 60 % 60, s = whole % 60;
  return h > 0 ? fmt::format("{}:{:02}:{:02}", h, m, s) : fmt::format("{}:{:02}", m, s);
}

std::string progress_line(const ProgressState& state, int64_t width) {
  std::string line =
      fmt::format("{} {}", grouped(state.rows), state.rows == 1 ? state.one : state.many);
  if (const int64_t rows = state.rows - state.rows_before; state.elapsed_s > 0 && rows > 0) {
    const double rate = static_cast<double>(rows) / state.elapsed_s;
    const auto tenths = static_cast<int64_t>(std::lround(std::min(rate, 10.0) * 10));
    const std::string shown = rate >= 10 ? grouped(static_cast<int64_t>(std::min(rate, 1e15)))
                                         : fmt::format("{}.{}", tenths / 10, tenths % 10);
    append_format(&line, "  {} {}/s", shown, state.many);
  }
  if (const Share share = share_of_work(state); share.total > 0) {
    append_format(&line, "  {}%", static_cast<int64_t>(share.done / share.total * 100));
    if (const double fresh = share.done - share.before; fresh > 0) {
      const double left = state.elapsed_s * (share.total - share.done) / fresh;
      append_format(&line, "  {} left", clock_text(left));
    }
  }
  if (width < static_cast<int64_t>(line.size())) line.resize(std::max<int64_t>(width, 0));
  return line;
}

std::string erase_text(int64_t drawn, int64_t columns) {
  const int64_t above = (std::max<int64_t>(drawn, 1) - 1) / std::max<int64_t>(columns, 1);
  if (above == 0) return "\r\x1b[K";
  return fmt::format("\r\x1b[{}A\x1b[J", above);
}

bool want_progress(bool quiet, int output_fd) {
  if (quiet || ::isatty(STDERR_FILENO) != 1 || ::isatty(output_fd) == 1) return false;
  struct stat st {};
  return output_fd < 0 || ::fstat(output_fd, &st) != 0 ||
         (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode));
}

Progress::Progress(bool enabled) : enabled_(enabled), start_(Clock::now()), last_(start_) {}

void Progress::begin(const ProgressState& before) {
  start_ = last_ = Clock::now();
  before_ = before;
}

void Progress::update(int64_t rows, int64_t rows_read, int64_t bytes_done, int64_t bytes_total) {
  if (!is_due()) return;
  ProgressState state = before_;
  state.rows_before = before_.rows;
  state.bytes_before = before_.bytes_done;
  state.rows = rows;
  state.rows_read = rows_read - std::max<int64_t>(before_.rows_read, 0);
  state.bytes_done = bytes_done;
  state.bytes_total = bytes_total;
  state.elapsed_s = std::chrono::duration<double>(last_ - start_).count();
  draw(progress_line(state));
}

bool Progress::is_due() {
  if (!enabled_) return false;
  const Clock::time_point now = Clock::now();
  if (std::chrono::duration<double>(now - last_).count() < kRedrawSeconds) return false;
  last_ = now;
  return true;
}

void Progress::draw(std::string line) {
  // A line that wraps could not be erased, so the last column stays free.
  const int64_t columns = terminal_columns();
  const auto width = static_cast<size_t>(std::min<int64_t>(columns, 80) - 1);
  if (line.size() > width) line.resize(width);
  write_stderr(erase_text(drawn_, columns) + line);
  drawn_ = static_cast<int64_t>(line.size());
}

void Progress::erase() {
  if (drawn_ > 0) write_stderr(erase_text(drawn_, terminal_columns()));
  drawn_ = 0;
}

}  // namespace costeff::tasks
