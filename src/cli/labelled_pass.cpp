#include "cli/labelled_pass.h"

#include <costeff/exit_table.h>
#include <unistd.h>

#include <cstdio>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/print.h"
#include "tasks/read/reader.h"
#include "tasks/write/progress.h"

namespace costeff::cli {

void say_data(const PassFlags& f, const tasks::DataSet& set, const std::string& labels,
              const ModelInfo& m) {
  if (f.quiet) return;
  const std::string task = set.task
                               ? "task " + std::string(set.task->name) + " (" + set.task_from + ")"
                               : "no known task";
  std::fprintf(stderr, "costeff: %s: %s; %s\n", printable(set.path).c_str(), task.c_str(),
               printable(labels).c_str());
  const tasks::Task* trained = tasks::maybe_task(m.task);
  if (set.task && trained && trained != set.task) {
    std::fprintf(stderr, "costeff: warning: the model was trained for %s (config.json)\n",
                 std::string(trained->name).c_str());
  }
}

void add_pass_flags(CLI::App* app, PassFlags* f, bool batch) {
  app->add_option("MODEL", f->model, "Checkpoint directory")->required();
  const char* group = "Data";
  app->add_option("--data", f->data,
                  "Rows to judge by: a file, or a task's directory (its dev set); - is standard "
                  "input")
      ->type_name("FILE|DIR")
      ->expected(1)
      ->required()
      ->group(group);
  app->add_option("--split", f->split, "Of a directory: dev (default), train or test")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--label-field,--label-column", f->label_field,
                  "The label: a JSONL field, or a TSV or CSV column by name or by number from 1. "
                  "Without it: the task's, else label and the other usual names")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--label-order", f->label_order,
                  "Names of the model's classes 0, 1, ... where config.json does not say them")
      ->type_name("A,B,...")
      ->group(group);
  app->add_option("--limit", f->limit, "Only the first N rows")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 40))
      ->group(group);
  add_bad_row_flags(app, group, &f->bad_rows);
  add_format_flags(app, &f->input);
  add_encode_flags(app, &f->encode);
  const char* computing = "Computing";
  add_thread_flags(app, computing, &f->threads, batch ? &f->batch_tokens : nullptr);
  app->add_option("--pad-to", f->pad_to,
                  "Averaging off-ramps also count [PAD] up to N tokens, as COST-EFF's code does "
                  "(128 there)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(computing);
  add_load_flags(app, computing, &f->load);
  app->add_flag("--quiet,-q", f->quiet, "No progress, no remarks; errors only");
}

tasks::InputOptions pass_input_options(const PassFlags& f, const tasks::DataSet& set,
                                       bool labelled) {
  InputFlags input = f.input;
  input.task.clear();
  tasks::InputOptions o = input_options(input);
  if (set.columns) o.task = set.task;
  o.want_gold = labelled;
  o.label_field = f.label_field;
  o.skip_bad_rows = f.bad_rows.skip();
  o.keep_raw = !f.bad_rows.file.empty();
  // Labels are in tables: what has no extension that says otherwise is one.
  o.is_table = labelled;
  return o;
}

RunOptions pass_run_options(const PassFlags& f) {
  RunOptions run;
  run.encode = encode_options(f.encode);
  run.threads = f.threads;
  run.batch_tokens = f.batch_tokens;
  run.pad_to = f.pad_to;
  run.skip_bad_rows = f.bad_rows.skip();
  return run;
}

Source pass_source(const PassFlags& f, tasks::RowReader* reader, const tasks::LabelMap* labels) {
  if (!f.bad_rows.skip()) labels = nullptr;
  return [reader, labels, limit = f.limit](Example& row, bool may_block) {
    if (limit > 0 && reader->rows() >= limit) {
      reader->check_unchanged();
      return ReadStatus::end;
    }
    const ReadStatus status = reader->next(row, may_block);
    if (status != ReadStatus::row || !labels || !row.error.empty()) return status;
    try {
      (void)tasks::parse_gold(*labels, row);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::input) throw;
      row.error = e.what();
    }
    return status;
  };
}

namespace {

tasks::LabelMap labels_of(const PassFlags& f, const Engine& engine, const tasks::DataSet& set) {
  return tasks::find_label_map(tasks::label_source(engine.info(), set.task, f.label_order));
}

// Calls take(rows, results) for the stretches of rows between those that were skipped, which go to
// `bad`.
template <typename Take>
void part_from_bad(std::span<const Example> rows, std::span<const Result> results,
                   tasks::BadRows* bad, Take take) {
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    while (end < rows.size() && results[end].error.empty()) ++end;
    if (end > begin) take(rows.subspan(begin, end - begin), results.subspan(begin, end - begin));
    for (; end < rows.size() && !results[end].error.empty(); ++end) {
      bad->add(rows[end], results[end].error);
    }
    begin = end;
  }
}

}  // namespace

tasks::DataSet find_data_set(const PassFlags& f, const Engine& engine) {
  const ModelInfo& m = engine.info();
  const auto sets =
      tasks::find_data_sets(f.data, f.split.empty() ? "dev" : f.split, f.input.task, m);
  if (m.question_answering || sets.front().squad) {
    throw_usage(f.model + ": exits are judged by labels or scores, and " +
                (m.question_answering ? m.dialect + " answers questions" : "questions have none"));
  }
  if (sets.size() > 1) {
    throw_usage(f.data.front() + ": has " + sets[0].path + " and " + sets[1].path +
                "; name one of them");
  }
  return sets.front();
}

LabelledPass run_pass(const PassFlags& f, const Engine& engine, const tasks::DataSet& set,
                      bool labelled, tasks::BadRows* bad, const RowWatcher& watch) {
  const ModelInfo& m = engine.info();
  LabelledPass pass;
  pass.set = set;
  pass.data.pad_to = f.pad_to;
  tasks::InputOptions reading = pass_input_options(f, set, labelled);
  reading.say = input_options_that_say(f.input, f.quiet).say;
  tasks::RowReader reader({{set.path, std::nullopt}}, reading, &interrupted);
  if (labelled) {
    pass.labels = labels_of(f, engine, set);
    say_data(f, set, pass.labels.note, m);
  } else {
    say_data(f, set, "labels are not read", m);
  }
  RunOptions run = pass_run_options(f);
  run.policy = ExitPolicy{};
  run.all_exits = true;
  tasks::Progress progress(tasks::want_progress(f.quiet, -1));
  progress.begin({.rows_limit = f.limit});
  tasks::Evaluated& data = pass.data;
  const int64_t skipped_before = bad->count();
  int64_t done = 0;
  pass.stats = engine.run(
      pass_source(f, &reader, labelled ? &pass.labels : nullptr),
      [&](auto all_rows, auto all_results) {
        part_from_bad(all_rows, all_results, bad, [&](auto rows, auto results) {
          if (labelled) tasks::append_gold(pass.labels, rows, &data);
          append(results, m.regression, &data.table);
          if (watch) watch(rows, results);
        });
        done += static_cast<int64_t>(all_rows.size());
        progress.update(done, reader.rows(), reader.bytes_done(), reader.bytes_total());
      },
      run, &interrupted);
  progress.erase();
  pass.skipped = bad->count() - skipped_before;
  if (interrupted) throw PassInterrupted{data.table.rows()};
  if (!f.quiet) say_row_warnings(pass.stats);
  if (data.table.rows() == 0) {
    throw_input(set.path + ": has no rows, expected " + (labelled ? "labelled ones" : "some"));
  }
  return pass;
}

double time_pass(const PassFlags& f, const Engine& engine, const tasks::DataSet& set, bool labelled,
                 const ExitPolicy& policy, int64_t batch_tokens) {
  tasks::RowReader reader({{set.path, std::nullopt}}, pass_input_options(f, set, labelled),
                          &interrupted);
  RunOptions run = pass_run_options(f);
  run.policy = policy;
  run.batch_tokens = batch_tokens;
  int64_t rows = 0;
  tasks::LabelMap labels;
  if (labelled && f.bad_rows.skip()) labels = labels_of(f, engine, set);
  const RunStats stats = engine.run(
      pass_source(f, &reader, labelled ? &labels : nullptr),
      [&](auto part, auto) { rows += static_cast<int64_t>(part.size()); }, run, &interrupted);
  if (interrupted) throw PassInterrupted{rows};
  return stats.wall_s;
}

int say_pass_interrupted(const PassFlags& f, const PassInterrupted& e) {
  if (!f.quiet) {
    if (::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO)) std::fputc('\n', stderr);
    std::fprintf(stderr, "costeff: interrupted after %lld %s; nothing was written\n",
                 static_cast<long long>(e.rows), e.rows == 1 ? "row" : "rows");
  }
  return kInterrupted;
}

}  // namespace costeff::cli
