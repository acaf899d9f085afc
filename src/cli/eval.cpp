#include "cli/eval.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "base/parse.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/load_flags.h"
#include "cli/print.h"
#include "tasks/report/eval_writer.h"

namespace costeff::cli {
namespace {

void warn_order(const EvalFlags& f, const tasks::EvalReport& r) {
  const auto better = tasks::better_order(r.labels, r.exits.back().score.confusion);
  if (f.pass.quiet || !better) return;
  std::string names;
  for (const std::string& name : better->names) names += (names.empty() ? "" : ",") + name;
  std::fprintf(stderr,
               "costeff: warning: the last layer's accuracy would be %.4f instead of %.4f if the "
               "model\ncounted its labels otherwise; try --label-order %s\n",
               better->accuracy, tasks::accuracy(r.exits.back().score.confusion),
               printable(names).c_str());
}

tasks::EvalPoint make_point(const ExitPolicy& policy) {
  const PolicyWords words = policy_words(policy);
  tasks::EvalPoint point;
  point.policy = words.name;
  point.setting = words.setting;
  point.text = words.text;
  point.exit_start = policy.exit_start;
  return point;
}

std::vector<tasks::Metric> metrics_of(const EvalFlags& f, const tasks::DataSet& set,
                                      const ModelInfo& m) {
  if (f.metrics.empty()) return tasks::default_metrics(set.task, m);
  std::vector<tasks::Metric> metrics;
  for (const std::string_view name : split_at(f.metrics, ',')) {
    const tasks::Metric metric = tasks::metric_from_name(name);
    if (tasks::is_correlation(metric) != m.regression) {
      throw_usage("metric " + std::string(tasks::metric_name(metric)) +
                  (m.regression ? " is of labels, and this model gives a score (regression)"
                                : " is of scores, and this model gives labels"));
    }
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end())
      metrics.push_back(metric);
  }
  return metrics;
}

tasks::EvalReport evaluate(const EvalFlags& f, const Engine& engine, const tasks::DataSet& set,
                           const std::vector<ExitPolicy>& policies, tasks::BadRows* bad) {
  const ModelInfo& m = engine.info();
  const std::vector<tasks::Metric> metrics = metrics_of(f, set, m);
  tasks::EvalReport r;
  r.model = f.pass.model;
  r.dialect = m.dialect;
  r.num_layers = static_cast<int64_t>(m.layers.size());
  r.data = set;
  r.bootstrap = bootstrap_options(f);
  const LabelledPass pass = run_pass(f.pass, engine, set, true, bad);
  const tasks::Evaluated& data = pass.data;
  r.labels = pass.labels;
  const tasks::ScoreOptions options{metrics, r.labels.positive, r.bootstrap};
  r.rows = pass.stats.rows;
  r.skipped = pass.skipped;
  r.tokens = pass.stats.tokens;
  r.threads = pass.stats.threads;
  r.seconds = pass.stats.wall_s;
  for (const ExitPolicy& p : policies) {
    tasks::EvalPoint point = make_point(p);
    point.score = tasks::score_policy(data, m, p, options);
    if (f.timed) point.seconds = time_pass(f.pass, engine, set, true, p, f.pass.batch_tokens);
    r.points.push_back(std::move(point));
  }
  for (const ExitInfo& e : m.exits) {
    ExitPolicy fixed;
    fixed.kind = PolicyKind::fixed;
    fixed.layer = e.layer;
    tasks::EvalPoint point = make_point(fixed);
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

void check_flags(const EvalFlags& f, const std::vector<tasks::DataSet>& sets) {
  for (const tasks::DataSet& set : sets) {
    if (set.squad != sets.front().squad) {
      throw_usage("questions (SQuAD) and classification cannot be evaluated in one run");
    }
    if (f.timed && set.path == "-")
      throw_usage("--timed reads the data again, standard input cannot be");
  }
  if (!f.submit.empty() && f.timed) throw_usage("--timed says nothing with --submit");
  if (f.pass.bad_rows.skip() && (!f.submit.empty() || sets.front().squad)) {
    throw_usage(std::string("--bad-rows skip does not go with ") +
                (sets.front().squad ? "questions (SQuAD)" : "--submit") +
                ", where every row must be answered");
  }
}

}  // namespace

int eval(const EvalFlags& f) {
  if (f.pass.model.empty()) throw_usage("the name of the model directory is empty");
  if (f.pass.data.empty()) {
    throw_usage("no data: --data FILE or DIR, - for standard input; see costeff eval --help");
  }
  check_not_swapped(f.pass.model, f.pass.data);
  if (f.format != "text" && f.format != "json" && f.format != "tsv") {
    throw_usage("output format \"" + printable(f.format, 40) + "\", expected text, json or tsv" +
                (f.format == "jsonl" ? " (json is one document, not lines)" : ""));
  }
  for (const std::string& path : f.pass.data) {
    std::error_code error;
    if (path != "-" && !std::filesystem::is_directory(path, error)) {
      tasks::check_input({path, std::nullopt});
    }
  }
  const Engine engine = load_engine(f.pass.model, load_options(f.pass.load));
  const ModelInfo& m = engine.info();
  const std::string split = !f.pass.split.empty() ? f.pass.split
                            : f.submit.empty()    ? "dev"
                                                  : "test";
  const auto sets = tasks::find_data_sets(f.pass.data, split, f.pass.input.task, m);
  check_flags(f, sets);
  for (const tasks::DataSet& set : sets) refuse_to_replace(f.output, {set.path});
  std::vector<std::string> inputs;
  for (const tasks::DataSet& set : sets) inputs.push_back(set.path);
  check_bad_row_flags(f.pass.bad_rows, {f.output}, inputs);
  const auto bad = open_bad_rows(f.pass.bad_rows);
  tasks::OutputFile output(f.output, &interrupted);
  if (sets.front().squad) return eval_qa(f, engine, sets, &output);
  if (m.question_answering) {
    throw_usage(f.pass.model + ": " + m.dialect +
                " answers questions and has no labels; use --task squad");
  }
  if (!f.submit.empty()) return eval_submit(f, engine, sets, &output);
  const auto policies = points_from_flags(f.points, m.policy, m.regression);
  for (const ExitPolicy& p : policies) check_policy(m, p);
  try {
    std::vector<tasks::EvalReport> reports;
    for (const tasks::DataSet& set : sets) {
      reports.push_back(evaluate(f, engine, set, policies, bad.get()));
    }
    if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
    if (!f.pass.quiet) say_skipped(*bad);
    return write_output(&output, report_text(f, reports));
  } catch (const PassInterrupted& e) {
    return say_pass_interrupted(f.pass, e);
  }
}

tasks::BootstrapOptions bootstrap_options(const EvalFlags& f) {
  return {
      .replicates = f.samples, .seed = static_cast<uint64_t>(f.seed), .confidence = f.confidence};
}

int write_output(tasks::OutputFile* output, const std::string& text) {
  const tasks::WriteStatus status = output->write(text);
  if (status == tasks::WriteStatus::closed) return kPipeClosed;
  if (status == tasks::WriteStatus::stopped) return kInterrupted;
  output->commit();
  return 0;
}

}  // namespace costeff::cli
