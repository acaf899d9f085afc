#include "cli/run/train_outputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fail.h"
#include "cli/run/print.h"
#include "tasks/page/train_page.h"
#include "tasks/report/train_json.h"

namespace costeff::cli {
namespace {

// Lines of the table and the progress may share a terminal: the one is erased before the other is
// printed. A reader of a pipe may print when it likes.
bool want_train_progress(bool quiet) {
  return tasks::want_progress(quiet, ::isatty(STDOUT_FILENO) == 1 ? -1 : STDOUT_FILENO);
}

}  // namespace

LogFile::LogFile(const std::string& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
  const int error = errno;
  if (fd_ < 0) fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_APPEND);  // a pipe, a device
  if (fd_ >= 0) return;
  errno = error;
  fail_errno();
}

void LogFile::begin(bool append) {
  if (append) {
    cut_last_line();
    return;
  }
  struct stat st {};
  if (::fstat(fd_, &st) == 0 && S_ISREG(st.st_mode) && ::ftruncate(fd_, 0) != 0) fail_errno();
}

LogFile::~LogFile() {
  if (fd_ >= 0) ::close(fd_);
}

// A run that was killed may have left half a line.
void LogFile::cut_last_line() {
  struct stat st {};
  if (::fstat(fd_, &st) != 0 || !S_ISREG(st.st_mode)) return;
  off_t end = st.st_size;
  for (char c = 0; end > 0; --end) {
    if (::pread(fd_, &c, 1, end - 1) != 1) return;
    if (c == '\n') break;
  }
  if (end < st.st_size && ::ftruncate(fd_, end) != 0) fail_errno();
}

void LogFile::write(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t n = ::write(fd_, lines.data(), lines.size());
    if (n < 0 && errno != EINTR) fail_errno();
    if (n > 0) lines.remove_prefix(static_cast<size_t>(n));
  }
}

void LogFile::fail_errno() const { fail_output("{}: {}", path_, std::strerror(errno)); }

TrainOutputs::TrainOutputs(const TrainFlags& f)
    : quiet_(f.pass.quiet), json_(f.json), progress_(want_train_progress(f.pass.quiet)) {
  if (!f.report.empty()) report_ = std::make_unique<tasks::OutputFile>(f.report, &interrupted);
  if (!f.log.empty()) log_ = std::make_unique<LogFile>(f.log);
  append_ = f.resume;
}

void TrainOutputs::log(const std::string& line) {
  if (!log_) return;
  if (begun_) {
    log_->write(line);
  } else {
    waiting_ += line;
  }
}

void TrainOutputs::begin_log() {
  if (begun_) return;
  begun_ = true;
  if (!log_) return;
  log_->begin(append_);
  log_->write(waiting_);
}

void TrainOutputs::on_step(const tasks::TrainReport& r, const TrainStep& s) {
  begin_log();
  log(tasks::step_event(s));
  if (s.seconds > 0) {
    const double rate = static_cast<double>(s.rows) / s.seconds;
    rows_per_s_ = rows_per_s_ == 0 ? rate : 0.95 * rows_per_s_ + 0.05 * rate;
  }
  if (progress_.is_due()) progress_.draw(tasks::train_progress(r.plan, s, rows_per_s_));
}

bool TrainOutputs::on_evaluation(const tasks::TrainReport& r, const TrainEvaluation& e) {
  begin_log();
  log(tasks::evaluation_event(e));
  if (json_) return true;
  progress_.erase();
  std::string lines = tasks::evaluation_line(r, e);
  if (!has_header_) lines.insert(0, tasks::evaluation_header(r));
  has_header_ = true;
  return table_.write(lines) == tasks::WriteStatus::ok;
}

void TrainOutputs::on_remark(const std::string& text) {
  if (quiet_) return;
  progress_.erase();
  say_text(text);
}

TrainObserver TrainOutputs::observer(tasks::TrainReport* r, bool* closed) {
  return {.step =
              [this, r](const TrainStep& s) {
                if (wants_report())
                  r->losses.emplace_back(tasks::step_of_run(r->plan, s.stage, s.step), s.loss);
                on_step(*r, s);
              },
          .evaluation =
              [this, r, closed](const TrainEvaluation& e) {
                // As after a signal: the step is saved, and --resume goes on.
                if (!on_evaluation(*r, e)) *closed = interrupted = true;
              },
          .say = [this](const std::string& text) { on_remark(text); }};
}

int TrainOutputs::finish(const tasks::TrainReport& r) {
  progress_.erase();
  begin_log();
  log(tasks::end_event(r));
  if (report_) {
    if (const int code = write_output(report_.get(), tasks::train_html(r)); code != 0) return code;
  }
  return 0;
}

}  // namespace costeff::cli
