#include "cli/eval.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/policy_flags.h"
#include "cli/print.h"
#include "tasks/eval_writer.h"
#include "tasks/progress.h"
#include "tasks/reader.h"

namespace costeff::cli {
namespace {

// The signal came while rows were read.
struct Interrupted {
  int64_t rows = 0;
};

tasks::InputFile input_file(const tasks::DataSet& set) { return {set.path, std::nullopt}; }

// One line on what is compared with what, and how we know.
void say_data(const EvalFlags& f, const tasks::DataSet& set, const tasks::LabelMap& labels,
              const ModelInfo& m) {
  if (f.quiet) return;
  const std::string task = set.task
                               ? "task " + std::string(set.task->name) + " (" + set.task_from + ")"
                               : "no known task";
  std::fprintf(stderr, "costeff: %s: %s; %s\n", printable(set.path).c_str(), task.c_str(),
               printable(labels.note).c_str());
  const tasks::Task* trained = tasks::maybe_task(m.task);
  if (set.task && trained && trained != set.task) {
    std::fprintf(stderr, "costeff: warning: the model was trained for %s (config.json)\n",
                 std::string(trained->name).c_str());
  }
}

void warn_order(const EvalFlags& f, const tasks::EvalReport& r) {
  const auto better = tasks::better_order(r.labels, r.exits.back().score.confusion);
  if (f.quiet || !better) return;
  std::string names;
  for (const std::string& name : better->names) names += (names.empty() ? "" : ",") + name;
  std::fprintf(stderr,
               "costeff: warning: the last layer's accuracy would be %.4f instead of %.4f if the "
               "model\ncounted its labels otherwise; try --label-order %s\n",
               better->accuracy, tasks::accuracy(r.exits.back().score.confusion),
               printable(names).c_str());
}

// Reads at most flags.limit rows.
Source limited(tasks::RowReader* reader, int64_t limit) {
  return [reader, limit](Example& row, bool may_block) {
    if (limit > 0 && reader->rows() >= limit) return ReadStatus::end;
    return reader->next(row, may_block);
  };
}

// The pass that computes every exit.
tasks::Evaluated compute(const EvalFlags& f, const Engine& engine, const tasks::DataSet& set,
                         const tasks::LabelMap& labels, RunStats* stats) {
  tasks::RowReader reader({input_file(set)}, eval_input_options(f, set, true), &interrupted);
  RunOptions run = run_options(f);
  run.policy = ExitPolicy{};
  run.all_exits = true;
  tasks::Evaluated data;
  data.pad_to = f.pad_to;
  tasks::Progress progress(tasks::want_progress(f.quiet, -1));
  if (f.limit > 0) progress.begin(0, 0, f.limit);
  *stats = engine.run(
      limited(&reader, f.limit),
      [&](auto rows, auto results) {
        tasks::append_gold(labels, rows, &data);
        append(results, engine.info().regression, &data.table);
        progress.update(data.table.rows(), reader.bytes_done(), reader.bytes_total());
      },
      run, &interrupted);
  progress.erase();
  if (interrupted) throw Interrupted{data.table.rows()};
  if (data.table.rows() == 0) throw_input(set.path + ": has no rows, expected labelled ones");
  return data;
}

// Seconds of a pass that leaves early in earnest.
double measure(const EvalFlags& f, const Engine& engine, const tasks::DataSet& set,
               const ExitPolicy& policy) {
  tasks::RowReader reader({input_file(set)}, eval_input_options(f, set, true), &interrupted);
  RunOptions run = run_options(f);
  run.policy = policy;
  int64_t rows = 0;
  const RunStats stats = engine.run(
      limited(&reader, f.limit),
      [&](auto part, auto) { rows += static_cast<int64_t>(part.size()); }, run, &interrupted);
  if (interrupted) throw Interrupted{rows};
  return stats.wall_s;
}

tasks::EvalPoint make_point(const PolicyPoint& p) {
  tasks::EvalPoint point;
  point.policy = p.name;
  point.setting = p.setting;
  point.text = p.text;
  point.exit_start = p.policy.exit_start;
  return point;
}

std::vector<tasks::Metric> metrics_of(const EvalFlags& f, const tasks::DataSet& set,
                                      const ModelInfo& m) {
  if (f.metrics.empty()) return tasks::default_metrics(set.task, m);
  std::vector<tasks::Metric> metrics;
  for (size_t begin = 0; begin <= f.metrics.size();) {
    const size_t comma = std::min(f.metrics.find(',', begin), f.metrics.size());
    const tasks::Metric metric = tasks::metric_from_name(f.metrics.substr(begin, comma - begin));
    if (tasks::is_correlation(metric) != m.regression) {
      throw_usage("metric " + std::string(tasks::metric_name(metric)) +
                  (m.regression ? " is of labels, and this model gives a score (regression)"
                                : " is of scores, and this model gives labels"));
    }
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end())
      metrics.push_back(metric);
    begin = comma + 1;
  }
  return metrics;
}

tasks::EvalReport evaluate(const EvalFlags& f, const Engine& engine, const tasks::DataSet& set,
                           const std::vector<PolicyPoint>& points) {
  const ModelInfo& m = engine.info();
  tasks::EvalReport r;
  r.model = f.model;
  r.dialect = m.dialect;
  r.num_layers = static_cast<int64_t>(m.layers.size());
  r.data = set;
  r.labels = tasks::find_label_map(tasks::label_source(m, set.task, f.label_order));
  r.bootstrap = bootstrap_options(f);
  const tasks::ScoreOptions options{metrics_of(f, set, m), r.labels.positive, r.bootstrap};
  say_data(f, set, r.labels, m);
  RunStats stats;
  const tasks::Evaluated data = compute(f, engine, set, r.labels, &stats);
  r.rows = stats.rows;
  r.tokens = stats.tokens;
  r.threads = stats.threads;
  r.seconds = stats.wall_s;
  for (const PolicyPoint& p : points) {
    tasks::EvalPoint point = make_point(p);
    point.score = tasks::score_policy(data, m, p.policy, options);
    if (f.timed) point.seconds = measure(f, engine, set, p.policy);
    r.points.push_back(std::move(point));
  }
  for (const ExitInfo& e : m.exits) {
    ExitPolicy fixed;
    fixed.kind = PolicyKind::fixed;
    fixed.layer = e.layer;
    tasks::EvalPoint point = make_point(describe_point(fixed));
    point.is_exit = true;
    point.text = "layer " + std::to_string(e.layer);
    point.score = tasks::score_policy(data, m, fixed, options);
    r.exits.push_back(std::move(point));
  }
  warn_order(f, r);
  return r;
}

std::string report_text(const EvalFlags& f, const std::vector<tasks::EvalReport>& reports) {
  if (f.format == "json") return tasks::eval_json(reports);
  std::string text;
  if (f.format == "tsv" && !f.no_output_header) text = tasks::eval_tsv_header();
  for (const tasks::EvalReport& r : reports) {
    if (f.format == "tsv") {
      tasks::append_eval_tsv(r, &text);
    } else {
      if (!text.empty()) text += "\n";
      tasks::append_eval_text(r, &text);
    }
  }
  return text;
}

// Refuses what cannot work before anything is computed.
void check_points(const Engine& engine, const std::vector<PolicyPoint>& points) {
  for (const PolicyPoint& p : points) {
    RunOptions run;
    run.policy = p.policy;
    run.threads = 1;
    engine.run([](Example&, bool) { return ReadStatus::end; }, [](auto, auto) {}, run);
  }
}

void check_flags(const EvalFlags& f, const std::vector<tasks::DataSet>& sets) {
  for (const tasks::DataSet& set : sets) {
    if (set.squad != sets.front().squad) {
      throw_usage("questions (SQuAD) and classification cannot be evaluated in one run");
    }
    if (f.timed && set.path == "-")
      throw_usage("--timed reads the data again, standard input cannot be");
  }
  if (!f.submit.empty() && f.timed) throw_usage("--timed says nothing with --submit");
}

}  // namespace

int eval(const EvalFlags& f) {
  if (f.model.empty()) throw_usage("the name of the model directory is empty");
  if (f.data.empty()) throw_usage("no data: --data FILE or DIR; see costeff eval --help");
  if (f.format != "text" && f.format != "json" && f.format != "tsv") {
    throw_usage("output format \"" + printable(f.format, 40) + "\", expected text, json or tsv");
  }
  for (const std::string& path : f.data) {
    std::error_code error;
    if (path != "-" && !std::filesystem::is_directory(path, error)) {
      tasks::check_input({path, std::nullopt});
    }
  }
  const Engine engine(f.model, load_options(f.load));
  const ModelInfo& m = engine.info();
  const std::string split = !f.split.empty() ? f.split : f.submit.empty() ? "dev" : "test";
  const auto sets = tasks::find_data_sets(f.data, split, f.input.task, m);
  check_flags(f, sets);
  tasks::OutputFile output(f.output, &interrupted);
  if (sets.front().squad) return eval_qa(f, engine, sets, &output);
  if (m.question_answering) {
    throw_usage(f.model + ": " + m.dialect +
                " answers questions and has no labels; use --task squad");
  }
  if (!f.submit.empty()) return eval_submit(f, engine, sets, &output);
  const auto points = points_from_flags(f.points, m.policy, m.regression);
  check_points(engine, points);
  try {
    std::vector<tasks::EvalReport> reports;
    for (const tasks::DataSet& set : sets) reports.push_back(evaluate(f, engine, set, points));
    return write_output(&output, report_text(f, reports));
  } catch (const Interrupted& e) {
    return say_interrupted(f, e.rows);
  }
}

RunOptions run_options(const EvalFlags& f) {
  RunOptions run;
  run.encode = encode_options(f.encode);
  run.threads = f.threads;
  run.batch_tokens = f.batch_tokens;
  run.pad_to = f.pad_to;
  return run;
}

tasks::BootstrapOptions bootstrap_options(const EvalFlags& f) {
  return {
      .replicates = f.samples, .seed = static_cast<uint64_t>(f.seed), .confidence = f.confidence};
}

tasks::InputOptions eval_input_options(const EvalFlags& f, const tasks::DataSet& set, bool gold) {
  InputFlags input = f.input;
  input.task.clear();
  tasks::InputOptions o = input_options(input);
  if (set.columns) o.task = set.task;
  o.want_gold = gold;
  o.label_field = f.label_field;
  // Labels are in tables: what has no extension that says otherwise is one.
  if (o.format == tasks::InputFormat::automatic &&
      tasks::format_of_path(set.path, o.task != nullptr) == tasks::InputFormat::text) {
    o.format = tasks::InputFormat::tsv;
  }
  return o;
}

int write_output(tasks::OutputFile* output, const std::string& text) {
  const tasks::WriteStatus status = output->write(text);
  if (status == tasks::WriteStatus::closed) return kPipeClosed;
  if (status == tasks::WriteStatus::stopped) return kInterrupted;
  output->commit();
  return 0;
}

int say_interrupted(const EvalFlags& f, int64_t rows) {
  if (!f.quiet) {
    if (::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO)) std::fputc('\n', stderr);
    std::fprintf(stderr, "costeff: interrupted after %lld %s; nothing was written\n",
                 static_cast<long long>(rows), rows == 1 ? "row" : "rows");
  }
  return kInterrupted;
}

}  // namespace costeff::cli
