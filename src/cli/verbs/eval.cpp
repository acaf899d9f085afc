#include <costeff/engine.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fail.h"
#include "cli/commands.h"
#include "cli/flags/eval_flags.h"
#include "cli/run/eval_parts.h"
#include "cli/run/labelled_pass.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "tasks/report/eval_writer.h"

namespace costeff::cli {
namespace {

void warn_order(const EvalFlags& f, const tasks::EvalReport& r) {
  if (is_multi_label(r.labels)) return;
  const auto better = tasks::better_order(r.labels, r.exits.back().score.confusion);
  if (f.pass.quiet || !better) return;
  std::string names;
  for (const std::string& name : better->names) names += (names.empty() ? "" : ",") + name;
  say("warning: the last layer's accuracy would be {:.4f} instead of {:.4f} if the model's labels "
      "came in another order; try --label-order {}",
      better->accuracy, tasks::accuracy(r.exits.back().score.confusion), names);
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
  say_own_weights(f.pass, pass, policies);
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
    point.text = fmt::format("layer {}", e.layer);
    point.score = tasks::score_policy(data, m, fixed, options);
    r.exits.push_back(std::move(point));
  }
  warn_order(f, r);
  return r;
}

std::string report_text(const EvalFlags& f, const std::vector<tasks::EvalReport>& reports) {
  if (f.format == "json") return tasks::eval_json(reports);
  std::string text;
  if (f.format == "tsv" && !f.no_output_header)
    text = tasks::eval_tsv_header(reports.front().labels.problem);
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

int eval(const EvalFlags& f) {
  check_eval_flags(f);
  const Engine engine = load_engine(f.pass.model, load_options(f.pass.load));
  const ModelInfo& m = engine.info();
  const std::string split = !f.pass.split.empty() ? f.pass.split
                            : f.submit.empty()    ? "dev"
                                                  : "test";
  const auto sets = tasks::find_data_sets(f.pass.data, split, f.pass.input.task, m);
  check_eval_flags(f, sets);
  const auto bad = open_bad_rows(f.pass.bad_rows);
  tasks::OutputFile output(f.output, &interrupted);
  if (sets.front().squad) return eval_qa(f, engine, sets, &output);
  if (m.question_answering) {
    fail_usage("{}: {} answers questions and has no labels; use --task squad", f.pass.model,
               m.dialect);
  }
  if (!f.submit.empty()) return eval_submit(f, engine, sets, &output);
  const auto policies = points_from_flags(f.points, m.policy, is_regression(m));
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

}  // namespace

void add_eval(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<EvalFlags>();
  CLI::App* sub = add_eval_flags(app, f.get());
  sub->callback([=] {
    f->pass.data.insert(f->pass.data.end(), f->more_data.begin(), f->more_data.end());
    *run = [=] { return eval(*f); };
  });
}

}  // namespace costeff::cli
