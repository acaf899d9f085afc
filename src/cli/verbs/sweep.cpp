#include "tasks/judge/sweep.h"

#include <costeff/engine.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/sweep_flags.h"
#include "cli/run/labelled_pass.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "cli/run/sweep_outputs.h"
#include "tasks/report/sweep_writer.h"
#include "tasks/write/progress.h"

namespace costeff::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The points to time: those given with --point and the model's own; without --point also a part of
// the front. Full depth (point 0) is always timed, and not listed.
std::vector<size_t> points_to_time(const SweepFlags& f, const tasks::SweepReport& r) {
  std::vector<size_t> out;
  for (size_t i = 0; i < r.points.size(); ++i) {
    if (r.points[i].family == "given" || r.points[i].family == "model") out.push_back(i);
  }
  if (f.points.empty()) {
    for (const size_t i : tasks::pick_points(r.points, static_cast<size_t>(f.timed_points))) {
      if (std::find(out.begin(), out.end(), i) == out.end()) out.push_back(i);
    }
  }
  out.erase(std::remove(out.begin(), out.end(), size_t{0}), out.end());
  return out;
}

// Each round times every chosen point once, so that a slow moment of the machine affects all alike.
void time_points(const SweepFlags& f, const Engine& engine, const tasks::DataSet& set,
                 tasks::SweepReport* r) {
  const std::vector<int64_t> sizes = batch_sizes(f);
  std::vector<size_t> chosen{0};
  for (const size_t i : points_to_time(f, *r)) chosen.push_back(i);
  for (const size_t i : chosen) {
    r->points[i].timings.clear();
    for (const int64_t size : sizes) {
      tasks::SweepTiming timing;
      timing.batch_tokens = size;
      r->points[i].timings.push_back(std::move(timing));
    }
  }
  const auto total = static_cast<int64_t>(chosen.size() * sizes.size()) * f.repeat;
  int64_t done = 0;
  tasks::Progress progress(tasks::want_progress(f.pass.quiet, -1));
  progress.begin({.rows_total = total, .one = "pass", .many = "passes"});
  // Packs the weights and fills the caches.
  time_pass(f.pass, engine, set, !f.unlabelled, {}, sizes.front());
  for (int64_t round = 0; round < f.repeat; ++round) {
    for (size_t b = 0; b < sizes.size(); ++b) {
      for (const size_t i : chosen) {
        r->points[i].timings[b].seconds.push_back(
            time_pass(f.pass, engine, set, !f.unlabelled, r->points[i].policy, sizes[b]));
        ++done;
        progress.update(done, done, 0, -1);
      }
    }
  }
  for (const size_t i : chosen) {
    for (size_t b = 0; b < sizes.size(); ++b) {
      tasks::finish_timing(r->rows, r->points[0].timings[b].seconds, &r->points[i].timings[b]);
    }
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
  r.rows = pass.stats.rows;
  r.tokens = pass.stats.tokens;
  r.layers = static_cast<int64_t>(m.layers.size());
  r.threads = pass.stats.threads;
  r.pass_seconds = pass.stats.wall_s;
  return r;
}

void judge_settings(const SweepFlags& f, const ModelInfo& m, const LabelledPass& pass,
                    tasks::SweepReport* r) {
  const tasks::Evaluated& data = pass.data;
  const auto begin = Clock::now();
  const SweepRequest request = sweep_request(f, m);
  const std::vector<int64_t> gold(data.labels.begin(), data.labels.end());
  tasks::SweepEvaluator evaluator(data, m);
  for (const CurveSetting& setting : sweep_settings(data.table, gold, request)) {
    evaluator.evaluate(&r->points.emplace_back(tasks::sweep_point(setting)));
  }
  r->searched = std::any_of(request.curves.begin(), request.curves.end(),
                            [](const Curve& c) { return c.by_layer; });
  r->weighed = estimates_weights(request);
  std::vector<ExitPolicy> judged;
  for (const tasks::SweepPoint& p : r->points) judged.push_back(p.policy);
  say_own_weights(f.pass, pass, judged);
  tasks::mark_pareto(&r->points);
  r->sweep_seconds = seconds_since(begin);
  r->full_macs = evaluator.full_macs();
  for (int64_t e = 0; e < data.table.exits(); ++e) r->exits.push_back(evaluator.exit_summary(e));
}

int sweep(const SweepFlags& f) {
  if (f.pass.model.empty()) throw_usage("the name of the model directory is empty");
  check_not_swapped(f.pass.model, f.pass.data);
  const Engine engine = load_engine(f.pass.model, load_options(f.pass.load));
  const ModelInfo& m = engine.info();
  const tasks::DataSet set = find_data_set(f.pass, engine);
  check_sweep_flags(f, set, m);
  const auto bad = open_bad_rows(f.pass.bad_rows);
  SweepOutputs outputs(f, set.path);

  try {
    tasks::DisagreementKeeper keeper(f.examples);
    const LabelledPass pass =
        run_pass(f.pass, engine, set, !f.unlabelled, bad.get(),
                 [&](auto rows, const ExitTable& table) { keeper.add(rows, table); });
    tasks::SweepReport r = begin_report(f, m, pass);
    judge_settings(f, m, pass, &r);
    r.label_sets = pass.data.table.label_sets;
    r.disagreeing_rows = keeper.rows();
    r.disagreements = keeper.take();
    if (f.timed) time_points(f, engine, set, &r);

    if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
    if (!f.pass.quiet) say_skipped(*bad);
    if (const int code = outputs.write(f, r); code != 0) {
      if (code == kInterrupted) throw PassInterrupted{r.rows};
      return code;
    }
    const std::string written = outputs.names();
    if (!f.pass.quiet && !written.empty()) say("wrote {}", written);
    if (outputs.uses_stdout()) return 0;
    const bool all = !f.thresholds.empty() || f.shown == 0;
    return print(tasks::sweep_text(r, all ? 0 : static_cast<size_t>(f.shown)));
  } catch (const PassInterrupted& e) {
    return say_pass_interrupted(f.pass, e);
  }
}

}  // namespace

void add_sweep(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<SweepFlags>();
  CLI::App* sub = add_sweep_flags(app, f.get());
  sub->callback([=] { *run = [=] { return sweep(*f); }; });
}

}  // namespace costeff::cli
