#include <costeff/train.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/files/new_directory.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/model_name.h"
#include "cli/flags/train_flags.h"
#include "cli/run/command_line.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "cli/run/train_curve.h"
#include "cli/run/train_data.h"
#include "cli/run/train_outputs.h"
#include "tasks/report/train_json.h"
#include "tasks/report/train_report.h"

namespace costeff::cli {
namespace {

using Clock = std::chrono::steady_clock;

// What is known before the first step.
tasks::TrainReport begin_report(const TrainFlags& f, const TrainData& data,
                                const TrainOptions& options, const TrainPlan& plan) {
  tasks::TrainReport r;
  r.backbone = f.pass.model;
  r.out = f.output;
  r.recipe = &find_recipe(f.recipe);
  for (const tasks::DataSet& set : data.train_sets) r.data.push_back(set.path);
  for (const tasks::DataSet& set : data.dev_sets) r.dev.push_back(set.path);
  r.dev_from = data.dev_from;
  r.task = options.task;
  const tasks::Metric metric = train_metric(f, data);
  r.metric = tasks::metric_name(metric);
  r.is_share = !tasks::is_correlation(metric) && metric != tasks::Metric::matthews;
  r.labels = options.labels;
  r.label_note = data.labels.notes.front();
  r.plan = plan;
  return r;
}

void say_plan(const TrainFlags& f, const tasks::TrainReport& r) {
  if (f.pass.quiet) return;
  const TrainPlan& p = r.plan;
  for (const std::string& note : p.notes) say_text(note);
  RunStats cut;
  cut.truncated_rows = p.truncated;
  say_row_warnings(cut);
  const std::string judged = p.dev_rows == 0
                                 ? "none to judge by: the last model is kept"
                                 : fmt::format("{} to judge by; score: {}, {}", p.dev_rows,
                                               r.metric, tasks::score_name(r));
  say("recipe {}: {} to train on, {}", r.recipe->name, counted(p.rows, "row", "rows"), judged);
}

int say_interrupted(const TrainFlags& f) {
  if (!f.pass.quiet) {
    end_typed_line();
    say("interrupted; to go on: {}", command_line_with("--resume"));
  }
  return kInterrupted;
}

int say_interrupted_before_work(const TrainFlags& f) {
  if (!f.pass.quiet) {
    end_typed_line();
    say("interrupted before the first step; nothing was written");
  }
  return kInterrupted;
}

// How the rows were read, for the command that reads them next.
std::string reading_flags(const PassFlags& f) {
  std::string out;
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) out += fmt::format(" {} {}", flag, shell_quoted(value));
  };
  add("--text-field", f.input.text_field);
  add("--pair-field", f.input.pair_field);
  add("--label-field", f.label_field);
  add("--task", f.input.task);
  add("--delimiter", f.input.delimiter);
  if (f.input.format != "auto") add("--input-format", f.input.format);
  if (f.input.header) out += " --header";
  if (f.input.no_header) out += " --no-header";
  return out;
}

void say_end(const TrainFlags& f, const TrainData& data, const tasks::TrainReport& r) {
  if (f.pass.quiet) return;
  say("{}; it took {}", tasks::train_end_text(r), tasks::duration_text(r.seconds));
  if (!f.report.empty()) say("wrote {}", f.report);
  const std::string out = shell_quoted(f.output);
  if (r.plan.exits.size() == 1) {
    say("next: costeff infer {} FILE", out);
  } else if (is_regression(data.labels.map)) {
    say("next: costeff tune {} --data FILE --score-range LOW,HIGH --max-drop X", out);
  } else {
    const std::string dev =
        data.dev_sets.empty() ? "FILE" : shell_quoted(data.dev_sets.front().path);
    say("next: costeff tune {} --data {} --max-drop 0.01{}", out, dev, reading_flags(f.pass));
  }
}

int dry_run(const TrainFlags& f, Trainer* trainer, tasks::TrainReport* r) {
  r->estimated_s = trainer->estimate_seconds();
  return print(f.json ? tasks::train_json(*r) : tasks::train_plan_text(*r));
}

int train(const TrainFlags& f) {
  check_train_flags(f);
  const auto begin = Clock::now();
  check_model_found(f.pass.model);
  check_model_found(f.teacher);
  const BackboneInfo backbone = inspect_backbone(f.pass.model);
  TrainOptions options = train_options(f, backbone);
  // Says now what would be wrong with it in the end.
  if (!f.output.empty()) {
    const NewDirectory probe(f.output);
  }
  const auto bad = open_bad_rows(f.pass.bad_rows);
  TrainData data = read_train_data(f, backbone, bad.get());
  if (interrupted) return say_interrupted_before_work(f);
  if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
  if (!f.pass.quiet) say_skipped(*bad);
  add_data_options(f, data, &options);

  std::unique_ptr<TrainOutputs> outputs;
  if (!f.dry_run) outputs = std::make_unique<TrainOutputs>(f);
  std::vector<TrainRow> judged_by;
  if (!f.report.empty()) judged_by = data.dev;
  Trainer trainer(f.pass.model, std::move(data.train), std::move(data.dev), options);
  tasks::TrainReport r = begin_report(f, data, options, trainer.plan());
  say_plan(f, r);
  if (interrupted) return say_interrupted_before_work(f);
  if (f.dry_run) return dry_run(f, &trainer, &r);

  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  outputs->log(tasks::plan_event(r));
  bool closed = false;
  try {
    r.result = trainer.run(f.output, outputs->observer(&r, &closed), &interrupted);
  } catch (const Error& e) {
    outputs->erase_progress();
    r.seconds = seconds();
    // Other errors before the first step are refusals, as of an OUT that another run works on.
    if (e.kind() == ErrorKind::input) outputs->begin_log();
    outputs->log(tasks::end_event(r, "error", e.what()));
    throw;
  }
  outputs->erase_progress();
  r.seconds = seconds();
  if (!r.result) {
    outputs->log(tasks::end_event(r, "interrupted"));
    const int code = say_interrupted(f);
    return closed ? kPipeClosed : code;
  }
  if (outputs->wants_report())
    r.curve = curve_of_result(f, r.plan.max_length, judged_by, data.labels);
  int code = outputs->finish(r);
  if (code == 0 && f.json) code = print(tasks::train_json(r));
  say_end(f, data, r);
  return code;
}

}  // namespace

void add_train(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<TrainFlags>();
  CLI::App* sub = add_train_flags(app, f.get());
  sub->callback([=] { *run = [=] { return train(*f); }; });
}

}  // namespace costeff::cli
