#include <costeff/engine.h>
#include <costeff/policy_file.h>
#include <costeff/tune.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_bytes.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/labelled_pass.h"
#include "cli/point_flags.h"
#include "cli/policy_flags.h"
#include "cli/print.h"
#include "cli/tune_flags.h"
#include "tasks/output_file.h"
#include "tasks/sweep.h"
#include "tasks/tune_report.h"

namespace costeff::cli {
namespace {

constexpr int kNothingFound = 1;

// Refuses a policy that the model cannot run, before the pass.
void check_kinds(const Engine& engine, const std::vector<PolicyKind>& kinds, const TuneFlags& f) {
  for (const PolicyKind kind : kinds) {
    RunOptions run;
    run.threads = 1;
    run.policy = ExitPolicy{};
    run.policy->kind = kind;
    run.policy->exit_start = f.exit_start;
    if (has_threshold(kind)) run.policy->thresholds = {0};
    if (kind == PolicyKind::fixed) run.policy->layer = engine.info().exits.back().layer;
    engine.run([](Example&, bool) { return ReadStatus::end; }, [](auto, auto) {}, run);
  }
}

struct Prepared {
  ExitTable table;  // the rows that are tested on
  std::vector<int64_t> gold;
  ExitTable search;  // by layer only
  std::vector<int64_t> search_gold;
  int64_t search_rows = 0;
};

Prepared prepare(const TuneFlags& f, const tasks::Evaluated& data) {
  Prepared p;
  const auto gold_of = [&](const std::vector<int64_t>& rows) {
    std::vector<int64_t> gold;
    for (const int64_t row : rows) {
      if (!data.labels.empty()) gold.push_back(data.labels[static_cast<size_t>(row)]);
    }
    return gold;
  };
  if (!f.per_layer) {
    p.table = data.table;
    p.gold.assign(data.labels.begin(), data.labels.end());
    return p;
  }
  std::vector<int64_t> search, test;
  split_rows(data.table.rows(), f.search_share, static_cast<uint64_t>(f.seed), &search, &test);
  p.search_rows = static_cast<int64_t>(search.size());
  if (const int64_t enough = search_rows_enough(data.table.exits()); p.search_rows > enough) {
    std::vector<int64_t> some, rest, picked;
    split_rows(p.search_rows, static_cast<double>(enough) / static_cast<double>(p.search_rows),
               static_cast<uint64_t>(f.seed) + 1, &some, &rest);
    for (const int64_t i : some) picked.push_back(search[static_cast<size_t>(i)]);
    search = picked;
  }
  p.search = select_rows(data.table, search);
  p.search_gold = gold_of(search);
  p.table = select_rows(data.table, test);
  p.gold = gold_of(test);
  return p;
}

// The settings of a policy, safest first.
std::vector<ExitPolicy> sequence_of(const TuneFlags& f, const Prepared& p, const TuneGoal& goal,
                                    PolicyKind kind) {
  if (!f.per_layer) return policy_family(kind, p.table, f.exit_start, f.value_threshold);
  TuneGoal search = goal;  // a speed-up says nothing on which rows may leave
  if (goal.kind == GoalKind::speedup) {
    search.kind = p.table.regression      ? GoalKind::score_change
                  : p.search_gold.empty() ? GoalKind::disagreement
                                          : GoalKind::accuracy_drop;
  }
  return per_layer_path(p.search, exit_losses(p.search, search, p.search_gold), kind, f.exit_start);
}

bool is_better(const TuneGoal& goal, bool labelled, const TuneTrial& a, const TuneTrial& b) {
  if (goal.kind != GoalKind::speedup) return a.mean_layer < b.mean_layer;
  return labelled ? a.accuracy > b.accuracy : a.agreement > b.agreement;
}

void choose(tasks::TuneReport* r) {
  for (size_t i = 0; i < r->families.size(); ++i) {
    const TuneResult& result = r->families[i].result;
    if (result.chosen < 0) continue;
    const TuneTrial& trial = result.trials[static_cast<size_t>(result.chosen)];
    // Whoever never leaves early keeps every goal but those on speed, and saves nothing.
    if (trial.mean_layer >= static_cast<double>(r->layers)) continue;
    if (r->found && !is_better(r->goal, r->labelled, trial, r->chosen)) continue;
    r->found = true;
    r->family = i;
    r->chosen = trial;
  }
}

double median_ms(std::vector<double> seconds, int64_t rows) {
  std::sort(seconds.begin(), seconds.end());
  return 1000 * seconds[seconds.size() / 2] / static_cast<double>(rows);
}

// The least eager setting that keeps the budget, by halving: time falls along the sequence.
void meet_budget(const TuneFlags& f, const Engine& engine, const tasks::DataSet& set,
                 const std::vector<ExitPolicy>& sequence, tasks::TuneReport* r) {
  const auto measure = [&](const ExitPolicy& policy) {
    std::vector<double> seconds;
    for (int64_t i = 0; i < f.repeat; ++i)
      seconds.push_back(time_pass(f.pass, engine, set, r->labelled, policy, f.pass.batch_tokens));
    return median_ms(seconds, r->rows);
  };
  time_pass(f.pass, engine, set, r->labelled, {},
            f.pass.batch_tokens);  // weights packed, files in memory
  r->full_ms = measure({});
  size_t low = 0, high = sequence.size() - 1;  // `high` keeps the budget, if any does
  r->chosen_ms = measure(sequence[high]);
  if (r->chosen_ms > r->budget_ms) return;
  r->found = true;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const double ms = measure(sequence[middle]);
    if (ms <= r->budget_ms) {
      high = middle;
      r->chosen_ms = ms;
    } else {
      low = middle + 1;
    }
  }
  r->chosen.policy = sequence[high];
}

// Where the policy goes, opened before the work starts. Null: nowhere.
std::unique_ptr<tasks::OutputFile> open_output(const TuneFlags& f, const std::string& data,
                                               std::string* path) {
  if (f.dry_run) return nullptr;
  *path = f.output.empty() ? join_path(f.pass.model, kPolicyFile) : f.output;
  refuse_to_replace(*path, {data});
  return std::make_unique<tasks::OutputFile>(*path, &interrupted);
}

int write_policy(tasks::TuneReport* r, const ExitPolicy& policy, const std::string& path,
                 tasks::OutputFile* file) {
  const tasks::WriteStatus status = file->write(exit_policy_text(policy, tuned_json(*r)));
  if (status == tasks::WriteStatus::closed) return kPipeClosed;
  if (status == tasks::WriteStatus::stopped || interrupted) throw PassInterrupted{r->rows};
  file->commit();
  r->written = path;
  return 0;
}

int tune(TuneFlags f) {
  if (f.pass.model.empty()) throw_usage("the name of the model directory is empty");
  check_tune_flags(f);
  check_not_swapped(f.pass.model, f.pass.data);
  const Engine engine(f.pass.model, load_options(f.pass.load));
  const ModelInfo& m = engine.info();
  const tasks::DataSet set = find_data_set(f.pass, engine);
  if (f.budget_ms && set.path == "-")
    throw_usage("--budget-ms reads the data again, and standard input cannot be");
  if (m.exits.size() < 2)
    throw_usage(f.pass.model + ": has one exit, the last layer; there is nothing to tune");
  tasks::TuneReport r;
  r.goal = tune_goal(f, m);
  const std::vector<PolicyKind> kinds = tuned_kinds(f, m);
  check_kinds(engine, kinds, f);
  std::string path;
  const std::unique_ptr<tasks::OutputFile> file = open_output(f, set.path, &path);
  check_bad_row_flags(f.pass.bad_rows, {"-", path}, {set.path});
  const auto bad = open_bad_rows(f.pass.bad_rows);

  try {
    const LabelledPass pass =
        run_pass(f.pass, engine, set, !f.consistency && !m.regression, bad.get());
    if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
    if (!f.pass.quiet) say_skipped(*bad);
    r.model = f.pass.model;
    r.data = set.path;
    r.task = set.task ? std::string(set.task->name) : "";
    r.budget_ms = f.budget_ms.value_or(0);
    r.labelled = !pass.data.labels.empty();
    r.regression = m.regression;
    r.rows = pass.stats.rows;
    r.layers = static_cast<int64_t>(m.layers.size());
    const Prepared p = prepare(f, pass.data);
    r.search_rows = p.search_rows;
    tasks::SweepJudge judge(pass.data, m);
    tasks::SweepPoint full;
    judge.judge(&full);
    r.full_quality = full.quality;

    if (f.budget_ms) {
      meet_budget(f, engine, set, sequence_of(f, p, r.goal, kinds.front()), &r);
    } else {
      const double level = (1 - r.goal.confidence) / static_cast<double>(kinds.size());
      for (const PolicyKind kind : kinds) {
        const std::vector<ExitPolicy> sequence = sequence_of(f, p, r.goal, kind);
        tasks::TuneFamily family;
        family.name = policy_name(kind) + std::string(f.per_layer ? "-by-layer" : "");
        family.offered = static_cast<int64_t>(sequence.size());
        family.result = calibrate(p.table, p.gold, r.goal, sequence, level);
        r.families.push_back(std::move(family));
      }
      choose(&r);
    }
    if (r.found) {
      const PolicyPoint named = describe_point(r.chosen.policy);
      r.on_all.policy = r.chosen.policy;
      r.on_all.name = named.name;
      r.on_all.setting = named.setting;
      r.on_all.text = named.text;
      judge.judge(&r.on_all);
    }
    if (file && (r.found || f.else_never)) {
      r.wrote_never = !r.found;
      const int code = write_policy(&r, r.found ? r.chosen.policy : ExitPolicy{}, path, file.get());
      if (code != 0) return code;
    }
    const bool policy_on_stdout = path == "-" && !r.written.empty();
    if (!policy_on_stdout) {
      const int code = print(f.json ? tasks::tune_json(r) : tasks::tune_text(r));
      if (code != 0) return code;
    }
    if (r.found) return 0;
    std::fprintf(stderr, "costeff: %s\n", printable(tasks::failure_text(r)).c_str());
    return kNothingFound;
  } catch (const PassInterrupted& e) {
    return say_pass_interrupted(f.pass, e);
  }
}

}  // namespace

void add_tune(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<TuneFlags>();
  CLI::App* sub = app->add_subcommand(
      "tune", "Choose the exit policy that saves most and keeps a goal, with a promise");
  add_tune_flags(sub, f.get());
  sub->callback([=] { *run = [=] { return tune(*f); }; });
}

}  // namespace costeff::cli
