#include "tasks/sweep/sweep.h"

#include <costeff/engine.h>
#include <costeff/machine.h>
#include <costeff/version.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/point_flags.h"
#include "cli/flags/sweep_flags.h"
#include "cli/run/command_line.h"
#include "cli/run/labelled_pass.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "cli/run/sweep_outputs.h"
#include "tasks/report/sweep_writer.h"
#include "tasks/sweep/disagreements.h"
#include "tasks/sweep/points.h"
#include "tasks/write/progress.h"

namespace costeff::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A model and what is known about it.
struct Swept {
  std::unique_ptr<Engine> engine;
  SweepFlags flags;  // for this model
  tasks::DataSet set;
  tasks::SweepReport report;
};

// The points to time: the recommended one, those given with --point and the model's own; without --point also a
// part of the front. Full depth (point 0) is always timed, and first.
std::vector<size_t> points_to_time(const SweepFlags& f, const tasks::SweepReport& r) {
  std::vector<size_t> out{0};
  const auto add = [&](size_t i) {
    if (std::find(out.begin(), out.end(), i) == out.end()) out.push_back(i);
  };
  for (size_t i = 0; i < r.points.size(); ++i) {
    if (r.points[i].family == "given" || r.points[i].family == "model") add(i);
  }
  add(static_cast<size_t>(r.verdict.point));
  if (f.points.empty()) {
    for (const size_t i : tasks::pick_points(r.points, static_cast<size_t>(f.timed_points))) add(i);
  }
  return out;
}

// Each round times every chosen point of every model once, so that a slow moment of the machine affects all alike.
void time_points(std::vector<Swept>* models, const SweepFlags& f) {
  constexpr int64_t kLatencyRows = 500;
  const std::vector<int64_t> sizes = batch_sizes(f);
  struct Timed {
    Swept* model;
    size_t point;
  };
  std::vector<Timed> chosen;
  for (Swept& s : *models) {
    for (const size_t i : points_to_time(s.flags, s.report)) {
      chosen.push_back({&s, i});
      for (const int64_t size : sizes)
        s.report.points[i].timings.push_back({.batch_tokens = size, .seconds = {}});
    }
  }
  const auto total = static_cast<int64_t>(chosen.size() * (sizes.size() * f.repeat + 1));
  int64_t done = 0;
  tasks::Progress progress(tasks::want_progress(f.pass.quiet, -1));
  progress.begin({.rows_total = total, .one = "pass", .many = "passes"});
  const auto pass_done = [&] {
    ++done;
    progress.update(done, done, 0, -1);
  };
  const auto pass_of = [&](const Timed& t, const ExitPolicy& policy, int64_t size) {
    return time_pass(t.model->flags.pass, *t.model->engine, t.model->set, !f.unlabelled, policy,
                     size);
  };
  // Packs the weights and fills the caches.
  for (const Timed& t : chosen) {
    if (t.point == 0) pass_of(t, {}, sizes.front());
  }
  for (int64_t round = 0; round < f.repeat; ++round) {
    for (size_t b = 0; b < sizes.size(); ++b) {
      for (const Timed& t : chosen) {
        tasks::SweepPoint& p = t.model->report.points[t.point];
        p.timings[b].seconds.push_back(pass_of(t, p.policy, sizes[b]));
        pass_done();
      }
    }
  }
  for (const Timed& t : chosen) {
    tasks::SweepReport& r = t.model->report;
    tasks::SweepPoint& p = r.points[t.point];
    for (size_t b = 0; b < sizes.size(); ++b)
      tasks::finish_timing(r.rows, r.points[0].timings[b].seconds, &p.timings[b]);
    p.latency = tasks::latency_of(time_rows(t.model->flags.pass, *t.model->engine, t.model->set,
                                            !f.unlabelled, p.policy, kLatencyRows));
    pass_done();
  }
}

// What is known before any setting is judged.
tasks::SweepReport begin_report(const SweepFlags& f, const ModelInfo& m, const LabelledPass& pass) {
  tasks::SweepReport r;
  r.model = f.pass.model;
  r.dialect = m.dialect;
  r.data = pass.set.path;
  r.task = pass.set.task ? std::string(pass.set.task->name) : "";
  r.quality_name = tasks::quality_name(m.problem, !f.unlabelled);
  r.labels = pass.labels.names.empty() ? m.labels : pass.labels.names;
  r.problem = m.problem;
  r.labelled = !f.unlabelled;
  if (m.policy_from_model) r.own = m.policy;
  r.rows = pass.stats.rows;
  r.tokens = pass.stats.tokens;
  r.layers = static_cast<int64_t>(m.layers.size());
  r.parameters = m.parameters;
  r.threads = pass.stats.threads;
  r.pass_seconds = pass.stats.wall_s;
  r.provenance = {.version = kVersion,
                  .date = utc_date(),
                  .command = command_line(),
                  .dtype = compute_type_name(m.compute),
                  .kernels = m.kernels,
                  .cpu = cpu_name(),
                  .fingerprint = pass.fingerprint};
  return r;
}

// The command that writes a setting to the model, but for the setting.
std::string tune_command(const CLI::App& verb, const SweepFlags& f) {
  if (f.pass.data.front() == "-") return "";  // which cannot be read again
  const CLI::App& tune = *verb.get_parent()->get_subcommand("tune");
  return "costeff tune " + shell_quoted(f.pass.model) + shared_arguments(verb, tune) +
         (f.unlabelled ? " --consistency" : "");
}

// The setting as flags of that command, which takes exit weights from the model alone.
std::string point_flags(const ExitPolicy& p, const ExitPolicy& own) {
  if (p.exit_weights != own.exit_weights && policy_traits(p.kind).needs_weights) return "";
  std::string flags = "--point " + shell_quoted(point_text(p));
  if (p.exit_start > 1) flags += fmt::format(" --exit-start {}", p.exit_start);
  return flags;
}

void judge_settings(const SweepFlags& f, const ModelInfo& m, const LabelledPass& pass,
                    const CLI::App& verb, tasks::SweepReport* r) {
  const tasks::Evaluated& data = pass.data;
  const auto begin = Clock::now();
  const SweepRequest request = sweep_request(f, m);
  tasks::SweepEvaluator evaluator(data, m);
  r->rows = evaluator.rows();
  for (const CurveSetting& setting :
       sweep_settings(data.table, tasks::gold_of_table(data), request)) {
    tasks::SweepPoint& p = r->points.emplace_back(tasks::sweep_point(setting));
    p.flags = point_flags(p.policy, m.policy);
    const bool own_rows = p.policy.weights_from == pass.fingerprint;
    p.fitted = p.fitted || (policy_traits(p.policy.kind).needs_weights && own_rows);
    evaluator.evaluate(&p);
  }
  r->tune_command = tune_command(verb, f);
  r->searched = std::any_of(request.curves.begin(), request.curves.end(),
                            [](const Curve& c) { return c.by_layer; });
  r->weighed = estimates_weights(request);
  std::vector<ExitPolicy> judged;
  for (const tasks::SweepPoint& p : r->points) judged.push_back(p.policy);
  say_own_weights(f.pass, pass, judged);
  tasks::mark_pareto(&r->points);
  const size_t best = tasks::recommended_point(*r);
  r->verdict.point = static_cast<int64_t>(best);
  if (!is_regression(m)) {
    for (const size_t i : best > 0 ? std::vector<size_t>{0, best} : std::vector<size_t>{0}) {
      r->answers.push_back(evaluator.answer_counts(r->points[i].policy));
      r->answers.back().point = i;
    }
  }
  r->sweep_seconds = seconds_since(begin);
  r->full_macs = evaluator.full_macs();
  for (int64_t e = 0; e < data.table.exits(); ++e) r->exits.push_back(evaluator.exit_summary(e));
  if (!data.first_window.empty()) r->disagreeing_rows = evaluator.disagreeing_rows();
}

tasks::SweepReport sweep_model(const Swept& model, const CLI::App& verb, tasks::BadRows* bad) {
  const SweepFlags& f = model.flags;
  const ModelInfo& m = model.engine->info();
  // Of long texts the table has windows, not the rows to show.
  const bool windows = f.pass.doc.stride >= 0;
  tasks::DisagreementKeeper keeper(f.examples);
  const LabelledPass pass = run_pass(f.pass, *model.engine, model.set, !f.unlabelled, bad,
                                     [&](auto rows, const ExitTable& table) {
                                       if (!windows) keeper.add(rows, table);
                                     });
  tasks::SweepReport r = begin_report(f, m, pass);
  if (!windows) r.disagreeing_rows = keeper.rows();
  r.disagreements = keeper.take();
  judge_settings(f, m, pass, verb, &r);
  r.label_sets = pass.data.table.label_sets;
  r.label_thresholds = pass.data.table.label_thresholds;
  if (windows) {
    r.windows = fmt::format("windows that share {} tokens, joined by {}", f.pass.doc.stride,
                            f.pass.doc.join.empty() ? "mean" : f.pass.doc.join);
  }
  return r;
}

std::vector<Swept> load_models(const SweepFlags& f) {
  std::vector<Swept> models;
  for (const std::string& path : f.models) {
    if (path.empty()) throw_usage("the name of the model directory is empty");
    for (const Swept& other : models) {
      if (same_place(other.flags.pass.model, path))
        fail_usage("{}: given twice, expected each model once", path);
    }
    Swept& s = models.emplace_back();
    s.flags = f;
    s.flags.pass.model = path;
    check_not_swapped(path, f.pass.data);
    s.engine = std::make_unique<Engine>(load_engine(path, load_options(f.pass.load)));
    const ModelInfo& m = s.engine->info();
    s.set = find_data_set(s.flags.pass, *s.engine);
    check_sweep_flags(s.flags, s.set, m);
    const ModelInfo& first = models.front().engine->info();
    if (m.problem != first.problem || m.num_labels != first.num_labels) {
      fail_usage("{}: gives {} of {}, and {} gives {} of {}, expected models of one task", path,
                 answer_kind(m.problem), m.num_labels, f.models.front(), answer_kind(first.problem),
                 first.num_labels);
    }
  }
  return models;
}

int sweep(const SweepFlags& f, const CLI::App& verb) {
  std::vector<Swept> models = load_models(f);
  const auto bad = open_bad_rows(f.pass.bad_rows);
  SweepOutputs outputs(f, models.front().set.path);

  try {
    std::vector<tasks::SweepReport> reports;
    for (Swept& s : models) {
      // Every model reads the same rows: those that are skipped are noted once.
      const auto again = open_bad_rows({.mode = f.pass.bad_rows.mode, .file = ""});
      s.report = sweep_model(s, verb, &s == &models.front() ? bad.get() : again.get());
      if (s.report.rows != models.front().report.rows) {
        fail_input("{}: {} rows with {} and {} with {}, expected the same ones to compare models",
                   s.set.path, s.report.rows, s.flags.pass.model, models.front().report.rows,
                   f.models.front());
      }
    }
    if (f.timed) time_points(&models, f);
    for (Swept& s : models) reports.push_back(std::move(s.report));

    if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
    if (!f.pass.quiet) say_skipped(*bad);
    if (const int code = outputs.write(f, reports); code != 0) {
      if (code == kInterrupted) throw PassInterrupted{reports.front().rows};
      return code;
    }
    const std::string written = outputs.names();
    if (!f.pass.quiet && !written.empty()) say("wrote {}", written);
    if (outputs.uses_stdout()) return 0;
    const bool all = !f.thresholds.empty() || f.shown == 0;
    return print(tasks::sweep_text(reports, all ? 0 : static_cast<size_t>(f.shown)));
  } catch (const PassInterrupted& e) {
    return say_pass_interrupted(f.pass, e);
  }
}

}  // namespace

void add_sweep(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<SweepFlags>();
  CLI::App* sub = add_sweep_flags(app, f.get());
  sub->callback([=] { *run = [=] { return sweep(*f, *sub); }; });
}

}  // namespace costeff::cli
