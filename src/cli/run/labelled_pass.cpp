#include "cli/run/labelled_pass.h"

#include <costeff/exit_table.h>

#include <algorithm>
#include <chrono>

#include "base/fail.h"
#include "base/files/content_hash.h"
#include "base/format.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "tasks/write/progress.h"

namespace costeff::cli {
namespace {

tasks::LabelMap labels_of(const PassFlags& f, const Engine& engine, const tasks::DataSet& set) {
  return tasks::find_label_map(tasks::label_source(engine.info(), set.task, f.label_order));
}

// Calls use(rows, results) for each stretch of rows between skipped ones, which go to `bad`.
template <typename Use>
void split_off_bad(std::span<const Example> rows, std::span<const Result> results,
                   tasks::BadRows* bad, Use use) {
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    while (end < rows.size() && results[end].error.empty()) ++end;
    if (end > begin) use(rows.subspan(begin, end - begin), results.subspan(begin, end - begin));
    for (; end < rows.size() && !results[end].error.empty(); ++end) {
      bad->add(rows[end], results[end].error);
    }
    begin = end;
  }
}

// A long text is as many rows of the table as it has windows, each of which leaves by its own exit.
void append_answers(const ModelInfo& m, const RunOptions& run, std::span<const Result> results,
                    tasks::Evaluated* data) {
  if (run.doc_stride < 0) return append(results, m.problem, &data->table);
  for (const Result& r : results) {
    append(r.windows, m.problem, &data->table);
    data->first_window.push_back(data->table.rows());
  }
}

void add_texts(std::span<const Example> rows, ContentHash* hash) {
  const auto add = [&](std::string_view text) {
    hash->add(fmt::format("{}:", text.size()));
    hash->add(text);
  };
  for (const Example& row : rows) {
    add(row.text_a);
    if (row.text_b) add(*row.text_b);
    for (const int32_t id : row.input_ids) hash->add(fmt::format("{} ", id));
    hash->add("\n");
  }
}

}  // namespace

void say_own_weights(const PassFlags& f, const LabelledPass& pass,
                     std::span<const ExitPolicy> policies) {
  const bool own = std::any_of(policies.begin(), policies.end(), [&](const ExitPolicy& p) {
    return p.weights_from == pass.fingerprint;
  });
  if (own && !f.quiet)
    say("note: exit weights of the model were estimated on some of these rows, which flatters it");
}

void say_data(const PassFlags& f, const tasks::DataSet& set, const std::string& labels,
              const ModelInfo& m) {
  if (f.quiet) return;
  const std::string task =
      set.task ? fmt::format("task {} ({})", set.task->name, set.task_from) : "no known task";
  say("{}: {}; {}", set.path, task, labels);
  const tasks::Task* trained = tasks::maybe_task(m.task);
  if (set.task && trained && trained != set.task) {
    say("warning: the model was trained for {} (config.json)", trained->name);
  }
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
      tasks::parse_gold(*labels, row);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::input) throw;
      row.error = e.what();
    }
    return status;
  };
}

tasks::DataSet find_data_set(const PassFlags& f, const Engine& engine) {
  const ModelInfo& m = engine.info();
  const auto sets =
      tasks::find_data_sets(f.data, f.split.empty() ? "dev" : f.split, f.input.task, m);
  if (m.question_answering || sets.front().squad) {
    fail_usage("{}: exits are judged by labels or scores, and {}", f.model,
               m.question_answering ? m.dialect + " answers questions" : "questions have none");
  }
  if (sets.size() > 1) {
    fail_usage("{}: has {} and {}; name one of them", f.data.front(), sets[0].path, sets[1].path);
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
  reading.say = reading_remarks(f.quiet);
  tasks::RowReader reader({{set.path, std::nullopt}}, reading, &interrupted);
  if (labelled) {
    pass.labels = labels_of(f, engine, set);
    say_data(f, set, pass.labels.note, m);
  } else {
    say_data(f, set, "labels are not read", m);
  }
  tasks::Evaluated& data = pass.data;
  RunOptions run = pass_run_options(f);
  if (!f.quiet) say_label_thresholds(m, run.label_thresholds);
  run.label_thresholds = label_thresholds_of(m, run.label_thresholds);
  run.policy = ExitPolicy{};
  run.all_exits = true;
  data.table.label_thresholds = run.label_thresholds;
  run.windows = run.doc_stride >= 0;
  if (run.windows) data.first_window = {0};
  data.join = run.join;
  tasks::Progress progress(tasks::want_progress(f.quiet, -1));
  progress.begin({.rows_limit = f.limit});
  const int64_t skipped_before = bad->count();
  int64_t done = 0;
  ContentHash texts;
  pass.stats = engine.run(
      pass_source(f, &reader, labelled ? &pass.labels : nullptr),
      [&](auto all_rows, auto all_results) {
        split_off_bad(all_rows, all_results, bad, [&](auto rows, auto results) {
          if (labelled) tasks::append_gold(pass.labels, rows, &data);
          append_answers(m, run, results, &data);
          add_texts(rows, &texts);
          if (watch) watch(rows, data.table);
        });
        done += static_cast<int64_t>(all_rows.size());
        progress.update(done, reader.rows(), reader.bytes_done(), reader.bytes_total());
      },
      run, &interrupted);
  progress.erase();
  pass.fingerprint = texts.text();
  pass.skipped = bad->count() - skipped_before;
  if (interrupted) throw PassInterrupted{data.table.rows()};
  if (!f.quiet) say_row_warnings(pass.stats);
  if (data.table.rows() == 0) {
    fail_input("{}: has no rows, expected {}", set.path, labelled ? "labelled ones" : "some");
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

std::vector<double> time_rows(const PassFlags& f, const Engine& engine, const tasks::DataSet& set,
                              bool labelled, const ExitPolicy& policy, int64_t limit) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t kWarmUp = 3;
  tasks::RowReader reader({{set.path, std::nullopt}}, pass_input_options(f, set, labelled),
                          &interrupted);
  RunOptions run = pass_run_options(f);
  run.policy = policy;
  run.mode = Mode::latency;
  tasks::LabelMap labels;
  if (labelled && f.bad_rows.skip()) labels = labels_of(f, engine, set);
  const Source source = pass_source(f, &reader, labelled ? &labels : nullptr);
  std::vector<double> ms;
  Clock::time_point asked;
  engine.run(
      [&](Example& row, bool may_block) {
        if (!may_block) return ReadStatus::would_block;
        if (static_cast<int64_t>(ms.size()) >= limit) return ReadStatus::end;
        const ReadStatus status = source(row, true);
        asked = Clock::now();
        return status;
      },
      [&](auto, auto) {
        ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - asked).count());
      },
      run, &interrupted);
  if (interrupted) throw PassInterrupted{static_cast<int64_t>(ms.size())};
  if (ms.size() > 2 * kWarmUp) ms.erase(ms.begin(), ms.begin() + kWarmUp);
  return ms;
}

int say_pass_interrupted(const PassFlags& f, const PassInterrupted& e) {
  if (!f.quiet) {
    end_typed_line();
    say("interrupted after {}; nothing was written", counted(e.rows, "row", "rows"));
  }
  return kInterrupted;
}

}  // namespace costeff::cli
