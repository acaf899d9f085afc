#include <costeff/engine.h>
#include <costeff/policy_file.h>
#include <costeff/tune.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/format.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/tune_flags.h"
#include "cli/run/labelled_pass.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "tasks/report/tune_report.h"
#include "tasks/sweep/sweep.h"
#include "tasks/write/output_file.h"

namespace costeff::cli {
namespace {

constexpr int kNothingFound = 1;

double median_ms(std::vector<double> seconds, int64_t rows) {
  std::sort(seconds.begin(), seconds.end());
  return 1000 * seconds[seconds.size() / 2] / static_cast<double>(rows);
}

// Looks for the first setting that keeps the time budget.
void choose_by_time(const TuneFlags& f, const Engine& engine, const tasks::DataSet& set,
                    const std::vector<ExitPolicy>& sequence, tasks::TuneReport* r) {
  const auto measure = [&](const ExitPolicy& policy) {
    std::vector<double> seconds;
    for (int64_t i = 0; i < f.repeat; ++i)
      seconds.push_back(time_pass(f.pass, engine, set, r->labelled, policy, f.pass.batch_tokens));
    return median_ms(seconds, r->rows);
  };
  // The first pass packs the weights and reads the files.
  time_pass(f.pass, engine, set, r->labelled, {}, f.pass.batch_tokens);
  r->full_ms = measure({});
  const BudgetChoice choice = meet_budget(sequence, r->budget_ms, measure);
  r->chosen_ms = choice.ms;
  r->found = choice.chosen >= 0;
  if (r->found) r->chosen.policy = sequence[static_cast<size_t>(choice.chosen)];
}

// What there is to choose from: curves, or settings that were given.
struct Choices {
  std::vector<Curve> curves;
  std::vector<ExitPolicy> points;
};

// Looks for the best setting that keeps the goal.
void choose_by_goal(const TuneFlags& f, const TuneRows& rows, const Choices& from,
                    tasks::TuneReport* r) {
  r->families = from.points.empty()
                    ? tune_families(rows, r->goal, from.curves, f.exit_start, f.value_threshold)
                    : tune_points(rows, r->goal, from.points);
  const int64_t best = choose_family(r->families, r->goal, r->labelled, r->layers);
  r->found = best >= 0;
  if (!r->found) return;
  r->family = static_cast<size_t>(best);
  const TuneResult& result = r->families[r->family].result;
  r->chosen = result.trials[static_cast<size_t>(result.chosen)];
}

// Chooses a policy from the answers of all exits, and judges it on all rows.
void choose(const TuneFlags& f, const Engine& engine, const LabelledPass& pass, const Choices& from,
            tasks::TuneReport* r) {
  const std::vector<Curve>& curves = from.curves;
  const ModelInfo& m = engine.info();
  r->model = f.pass.model;
  r->data = pass.set.path;
  r->task = pass.set.task ? std::string(pass.set.task->name) : "";
  r->budget_ms = f.budget_ms.value_or(0);
  r->labelled = !pass.data.labels.empty();
  r->regression = is_regression(m);
  r->rows = pass.stats.rows;
  r->layers = static_cast<int64_t>(m.layers.size());
  const std::vector<int64_t> gold(pass.data.labels.begin(), pass.data.labels.end());
  const TuneRows rows =
      split_for_search(pass.data.table, gold, needs_search(curves) ? f.search_share : 0,
                       static_cast<uint64_t>(f.seed), {pass.data.first_window, pass.data.join});
  r->search_rows = rows.search_rows;
  for (const Curve& c : curves) {
    r->searched = r->searched || c.by_layer;
    r->weighed = r->weighed || policy_traits(c.kind).needs_weights;
  }
  const bool none_to_test = rows.test_rows() == 0;
  if (none_to_test || (r->weighed && rows.search.rows() == 0)) {
    fail_input(
        "{}: of {} --search-share {} leaves none to {} on, expected more rows or another share",
        r->data, counted(r->rows, "row", "rows"), shortest(f.search_share),
        none_to_test ? "test" : "estimate exit weights");
  }
  tasks::SweepEvaluator evaluator(pass.data, m);
  tasks::SweepPoint full;
  evaluator.evaluate(&full);
  r->full_quality = full.quality;
  r->quality_name = tasks::quality_name(m.problem, r->labelled);
  if (has_no_goal(f)) {
    r->given = r->found = true;
    r->chosen.policy = from.points.front();
  } else if (f.budget_ms) {
    const auto sequence = from.points.empty() ? tune_sequence(rows, r->goal, curves.front(),
                                                              f.exit_start, f.value_threshold)
                                              : from.points;
    choose_by_time(f, engine, pass.set, sequence, r);
  } else {
    choose_by_goal(f, rows, from, r);
  }
  if (!r->found) return;
  if (r->weighed && policy_traits(r->chosen.policy.kind).needs_weights)
    r->chosen.policy.weights_from = pass.fingerprint;
  const PolicyWords named = policy_words(r->chosen.policy);
  r->on_all.policy = r->chosen.policy;
  r->on_all.name = named.name;
  r->on_all.setting = named.setting;
  r->on_all.text = named.text;
  evaluator.evaluate(&r->on_all);
}

// Nothing can be promised about settings on the rows that their weights come from.
void check_weights(const TuneFlags& f, const LabelledPass& pass,
                   const std::vector<ExitPolicy>& points) {
  if (!f.confidence) return say_own_weights(f.pass, pass, points);
  for (const ExitPolicy& p : points) {
    if (policy_traits(p.kind).needs_weights && p.weights_from == pass.fingerprint) {
      fail_usage(
          "{}: the exit weights of {} were estimated on some of these rows, expected others to "
          "promise anything by; or --policy {}, which splits them",
          pass.set.path, policy_words(p).text, policy_name(p.kind));
    }
  }
}

// The file for the policy, opened before the work starts. Null with --dry-run.
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

int tune(const TuneFlags& f) {
  if (f.pass.model.empty()) throw_usage("the name of the model directory is empty");
  check_tune_flags(f);
  check_not_swapped(f.pass.model, f.pass.data);
  const Engine engine = load_engine(f.pass.model, load_options(f.pass.load));
  const ModelInfo& m = engine.info();
  const tasks::DataSet set = find_data_set(f.pass, engine);
  if (f.budget_ms && set.path == "-")
    throw_usage("--budget-ms reads the data again, which standard input does not allow");
  if (m.exits.size() < 2)
    fail_usage("{}: has one exit, the last layer; there is nothing to tune", f.pass.model);
  tasks::TuneReport r;
  r.goal = tune_goal(f, m);
  const Choices from{tuned_curves(f, m), tuned_points(f, m)};
  std::string path;
  const std::unique_ptr<tasks::OutputFile> file = open_output(f, set.path, &path);
  check_bad_row_flags(f.pass.bad_rows, {"-", path}, {set.path});
  const auto bad = open_bad_rows(f.pass.bad_rows);

  try {
    const LabelledPass pass =
        run_pass(f.pass, engine, set, !f.consistency && !f.hamming && !is_regression(m), bad.get());
    if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
    if (!f.pass.quiet) say_skipped(*bad);
    check_weights(f, pass, from.points);
    choose(f, engine, pass, from, &r);
    r.chosen.policy.label_thresholds = pass.data.table.label_thresholds;
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
    say_text(tasks::failure_text(r));
    return kNothingFound;
  } catch (const PassInterrupted& e) {
    return say_pass_interrupted(f.pass, e);
  }
}

}  // namespace

void add_tune(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<TuneFlags>();
  CLI::App* sub = add_tune_flags(app, f.get());
  sub->callback([=] { *run = [=] { return tune(*f); }; });
}

}  // namespace costeff::cli
