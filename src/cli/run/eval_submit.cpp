#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/fail.h"
#include "base/format.h"
#include "cli/run/eval_parts.h"
#include "cli/run/labelled_pass.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "tasks/read/reader.h"
#include "tasks/report/submission.h"
#include "tasks/write/output_file.h"
#include "tasks/write/progress.h"

namespace costeff::cli {
namespace {

void make_directory(const std::string& dir) {
  if (::mkdir(dir.c_str(), 0777) == 0 || errno == EEXIST) return;
  fail_output("{}: {}", dir, std::strerror(errno));
}

// Returns the number of rows written; -1: a signal came.
int64_t write_file(const EvalFlags& f, const Engine& engine, const tasks::DataSet& set,
                   const ExitPolicy& policy, tasks::OutputFile* file) {
  const tasks::LabelMap labels =
      tasks::find_label_map(tasks::label_source(engine.info(), set.task, f.pass.label_order));
  say_data(f.pass, set, labels.note, engine.info());
  // The file is a table like one with labels, but its labels are not read.
  tasks::InputOptions reading = pass_input_options(f.pass, set, true);
  reading.want_gold = false;
  reading.say = reading_remarks(f.pass.quiet);
  tasks::RowReader reader({{set.path, std::nullopt}}, reading, &interrupted);
  RunOptions run = pass_run_options(f.pass);
  run.policy = policy;
  int64_t rows = 0;
  std::string text = tasks::kSubmissionHeader;
  tasks::Progress progress(tasks::want_progress(f.pass.quiet, -1));
  progress.begin({.rows_limit = f.pass.limit});
  engine.run(
      pass_source(f.pass, &reader),
      [&](auto examples, auto results) {
        tasks::append_submission(*set.task, labels, examples, results, rows, &text);
        rows += static_cast<int64_t>(examples.size());
        file->write(text);
        text.clear();
        progress.update(rows, reader.rows(), reader.bytes_done(), reader.bytes_total());
      },
      run, &interrupted);
  progress.erase();
  if (interrupted) return -1;
  file->write(text);
  return rows;
}

}  // namespace

int eval_submit(const EvalFlags& f, const Engine& engine, const std::vector<tasks::DataSet>& sets,
                tasks::OutputFile* output) {
  const ModelInfo& m = engine.info();
  const auto policies = points_from_flags(f.points, m.policy, is_regression(m));
  if (policies.size() > 1) throw_usage("--submit writes the answers of one policy, not of several");
  check_policy(m, policies.front());
  std::vector<std::string> names;
  for (const tasks::DataSet& set : sets) {
    names.push_back(tasks::submission_file(set));
    if (std::count(names.begin(), names.end(), names.back()) > 1) {
      fail_usage("two data files are submitted as {}", names.back());
    }
  }
  make_directory(f.submit);
  std::vector<std::unique_ptr<tasks::OutputFile>> files;
  for (const std::string& name : names) {
    files.push_back(std::make_unique<tasks::OutputFile>(f.submit + "/" + name, &interrupted));
  }
  std::string report = f.no_output_header ? "" : "file\trows\tdata\n";
  for (size_t i = 0; i < sets.size(); ++i) {
    const int64_t rows = write_file(f, engine, sets[i], policies.front(), files[i].get());
    if (rows < 0) return say_pass_interrupted(f.pass, {});
    append_format(&report, "{}/{}\t{}\t{}\n", f.submit, names[i], rows, sets[i].path);
  }
  // All files appear, or none.
  for (const auto& file : files) file->commit();
  return write_output(output, report);
}

}  // namespace costeff::cli
