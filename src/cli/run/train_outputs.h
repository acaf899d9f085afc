#pragma once

// What costeff train writes while it runs, besides the model: the table of evaluations, the log and
// the report.

#include <costeff/train.h>

#include <memory>
#include <string>
#include <string_view>

#include "cli/flags/train_flags.h"
#include "tasks/report/train_report.h"
#include "tasks/write/output_file.h"
#include "tasks/write/progress.h"

namespace costeff::cli {

// A file that others read while it grows: lines are in it at once.
class LogFile {
 public:
  // What the file has stays. Throws Error(output).
  explicit LogFile(const std::string& path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  // Before the first write. append: goes on after the last whole line; else the file is emptied.
  void begin(bool append);
  void write(std::string_view lines);

 private:
  void cut_last_line();
  [[noreturn]] void fail_errno() const;
  std::string path_;
  int fd_ = -1;
};

// Files are opened before the work starts.
class TrainOutputs {
 public:
  // Throws Error(output) for files and directories that cannot be written.
  explicit TrainOutputs(const TrainFlags& flags);

  // Nothing without --log. The file is not touched before the first step or evaluation: a run that is
  // refused, as another one works on OUT, may have been given that one's log.
  void log(const std::string& line);
  // Begins the file, for what ends a run before its first step.
  void begin_log();
  bool wants_report() const { return report_ != nullptr; }

  void on_step(const tasks::TrainReport& report, const TrainStep& step);
  // Prints the table's line. false: nobody reads standard output any more.
  bool on_evaluation(const tasks::TrainReport& report, const TrainEvaluation& evaluation);
  void on_remark(const std::string& text);
  void erase_progress() { progress_.erase(); }

  // Tells these what happens, and notes it in `report`. *closed: nobody reads standard output any more, and
  // the run is interrupted. All three must outlive the observer.
  TrainObserver observer(tasks::TrainReport* report, bool* closed);

  // The end of the log and the report, once there is a result. Returns the exit code.
  int finish(const tasks::TrainReport& report);

 private:
  const bool quiet_, json_;
  std::unique_ptr<LogFile> log_;
  bool append_ = false, begun_ = false;
  std::string waiting_;  // lines before that
  std::unique_ptr<tasks::OutputFile> report_;
  tasks::OutputFile table_{"-"};
  bool has_header_ = false;
  tasks::Progress progress_;
  double rows_per_s_ = 0;  // a running average
};

}  // namespace costeff::cli
