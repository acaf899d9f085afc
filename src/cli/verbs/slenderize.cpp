#include <costeff/slender_train.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/files/new_directory.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/model_name.h"
#include "cli/flags/slenderize_flags.h"
#include "cli/run/command_line.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "cli/run/train_curve.h"
#include "cli/run/train_data.h"
#include "cli/run/train_outputs.h"
#include "tasks/read/no_labels.h"
#include "tasks/report/slender_report.h"
#include "tasks/report/train_json.h"
#include "tasks/write/progress.h"

namespace costeff::cli {
namespace {

// The rows must answer as the model does: a class under another number would count as a wrong answer.
void check_answers(const std::string& path, const TrainData& data, const BackboneInfo& model) {
  const tasks::LabelMap& map = data.labels.map;
  if (map.problem != model.problem) {
    fail_input("the rows have {}, and the model gives {}", answer_kind(map.problem),
               answer_kind(model.problem));
  }
  if (!is_regression(map) && map.num_labels != model.num_labels) {
    fail_input("the rows have {} classes ({}), and the model has {}; --labels A,B,... names them",
               map.num_labels, fmt::join(map.names, ", "), model.num_labels);
  }
  if (!is_regression(map) && !model.labels.empty() && map.names != model.labels) {
    fail_input("the rows have the classes {}, and {} has {}, expected the same in the same order",
               fmt::join(map.names, ", "), path, fmt::join(model.labels, ", "));
  }
}

SlenderizeOptions options_of(const SlenderizeFlags& f, const TrainData& data, bool drawn) {
  TrainOptions train;
  add_data_options(f.rows, data, &train);
  SlenderizeOptions o;
  o.target = slender_target(f).value_or(o.target);
  o.without_labels = drawn;
  o.fit = slender_fit(f);
  o.rows = f.at_most.value_or(o.rows);
  o.round = !f.exact;
  o.max_length = f.rows.max_length;
  o.seed = static_cast<uint64_t>(f.rows.seed);
  o.metric = train.metric;
  o.isa = f.rows.isa;
  o.threads = f.rows.pass.threads;
  o.compute = parse_compute_type(f.rows.dtype);
  return o;
}

// The rows of a method that can do without labels; *drawn: they have none.
TrainData read_any_data(const SlenderizeFlags& f, const BackboneInfo& model, tasks::BadRows* bad,
                        bool* drawn) {
  *drawn = f.no_labels;
  if (f.no_labels) return read_unlabelled_data(f.rows, model, bad);
  const std::vector<std::string>& paths = f.rows.pass.data;
  const bool again = std::find(paths.begin(), paths.end(), "-") == paths.end();
  const bool asked = !f.rows.pass.label_field.empty() || !f.rows.labels.empty() ||
                     f.rows.regression || f.rows.dev_share;
  try {
    return read_train_data(f.rows, model, bad);
  } catch (const tasks::NoLabels&) {
    if (asked || !again) throw;
    if (!f.rows.pass.quiet) say("the rows have no labels that are known; --label-field names them");
  }
  *drawn = true;
  return read_unlabelled_data(f.rows, model, bad);
}

SlenderTrainOptions training_options_of(const SlenderizeFlags& f, const TrainData& data,
                                        const BackboneInfo& model) {
  SlenderTrainOptions o;
  o.heads = f.heads;
  o.neurons = f.neurons;
  o.rank = f.rank;
  o.method = slender_method(f);
  o.target = slender_target(f);
  o.round = !f.exact;
  o.backbone = f.backbone;
  o.epochs_scale = f.epochs_scale.value_or(1);
  o.keep_stages = f.keep_stages;
  o.rows = f.at_most.value_or(0);
  o.mask_rate = f.mask_rate.value_or(0);
  o.train = train_options(f.rows, model);
  add_data_options(f.rows, data, &o.train);
  return o;
}

tasks::SlenderReport begin_report(const SlenderizeFlags& f, const TrainData& data) {
  tasks::SlenderReport r;
  r.model = f.rows.pass.model;
  r.out = f.rows.output;
  r.method = f.method;
  for (const tasks::DataSet& set : data.train_sets) r.data.push_back(set.path);
  for (const tasks::DataSet& set : data.dev_sets) r.dev.push_back(set.path);
  r.metric = tasks::metric_name(train_metric(f.rows, data));
  return r;
}

void say_notes(const SlenderizeFlags& f, const std::vector<std::string>& notes) {
  if (f.rows.pass.quiet) return;
  for (const std::string& note : notes) say_text(note);
}

void say_written(const SlenderizeFlags& f, const tasks::SlenderReport& r) {
  if (f.rows.pass.quiet) return;
  say("wrote {} ({}); it took {}", f.rows.output, r.plan.dialect, tasks::duration_text(r.seconds));
  say("next: costeff infer {} FILE", shell_quoted(f.rows.output));
}

int print_report(const SlenderizeFlags& f, const tasks::SlenderReport& r) {
  return print(f.rows.json ? tasks::slender_json(r) : tasks::slender_text(r));
}

int without_training(const SlenderizeFlags& f, TrainData data, bool drawn) {
  const auto begin = std::chrono::steady_clock::now();
  const bool quiet = f.rows.pass.quiet;
  tasks::SlenderReport r = begin_report(f, data);
  const SlenderizeOptions options = options_of(f, data, drawn);
  r.fit = f.fit.empty() ? "refit" : f.fit;
  r.target = options.target;
  r.drawn = drawn;
  Slenderizer slenderizer(f.rows.pass.model, std::move(data.train), std::move(data.dev), options);
  tasks::Progress progress(tasks::want_progress(quiet, -1));
  progress.begin({});
  const SlenderizeProgress show = [&](const std::string& what, int64_t done, int64_t all) {
    if (progress.is_due()) progress.draw(fmt::format("{} {} of {}", what, done, all));
  };
  const auto stopped = [&] {
    progress.erase();
    if (!quiet) say("interrupted; nothing was written");
    return kInterrupted;
  };
  const SlenderizePlan* plan = slenderizer.plan(show, &interrupted);
  if (!plan) return stopped();
  progress.erase();
  r.plan = *plan;
  say_notes(f, plan->notes);
  if (f.rows.dry_run) {
    r.estimated_s = plan->seconds_left;
    return print_report(f, r);
  }
  r.result = slenderizer.run(f.rows.output, show, &interrupted);
  if (!r.result) return stopped();
  progress.erase();
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const int code = print_report(f, r);
  say_written(f, r);
  return code;
}

// The report of the training that a method consists of.
tasks::TrainReport training_report(const tasks::SlenderReport& r, const TrainData& data,
                                   const TrainOptions& options, const SlenderTrainPlan& plan) {
  static const Recipe kCosteff{.name = "cost-eff",
                               .paper = "Shen et al. 2022, COST-EFF",
                               .use = "prunings in turns with training, from an assistant",
                               .dialect = "cost-eff"};
  static const Recipe kCofi{.name = "cofi",
                            .paper = "Xia et al. 2022, CoFi",
                            .use = "masks that learn what stays",
                            .dialect = "cofi-compact"};
  tasks::TrainReport t;
  t.backbone = r.model;
  t.out = r.out;
  t.recipe = r.method == kCofi.name ? &kCofi : &kCosteff;
  t.data = r.data;
  t.dev = r.dev;
  t.dev_from = data.dev_from;
  t.task = options.task;
  t.metric = r.metric;
  t.is_share = !is_regression(options) && r.metric != "matthews";
  t.labels = options.labels;
  t.label_note = data.labels.notes.front();
  t.plan = plan.train;
  return t;
}

int with_training(const SlenderizeFlags& f, const BackboneInfo& model, TrainData data) {
  const SlenderTrainOptions options = training_options_of(f, data, model);
  tasks::SlenderReport r = begin_report(f, data);
  std::unique_ptr<TrainOutputs> outputs;
  if (!f.rows.dry_run) outputs = std::make_unique<TrainOutputs>(f.rows);
  std::vector<TrainRow> judged_by;
  if (!f.rows.report.empty()) judged_by = data.dev;
  SlenderTrainer trainer(f.rows.pass.model, std::move(data.train), std::move(data.dev), options);
  const SlenderTrainPlan& plan = trainer.plan();
  r.training = plan.train;
  r.shapes = plan.shapes;
  r.plan = {.before = plan.before,
            .after = plan.after,
            .rows = plan.train.rows,
            .dev_rows = plan.train.dev_rows,
            .tokens = plan.train.tokens,
            .dialect = plan.train.dialect,
            .notes = plan.train.notes};
  say_notes(f, r.plan.notes);
  if (f.rows.dry_run) {
    r.estimated_s = trainer.estimate_seconds();
    return print_report(f, r);
  }
  tasks::TrainReport t = training_report(r, data, options.train, plan);
  outputs->log(tasks::plan_event(t));
  bool closed = false;
  try {
    const auto result = trainer.run(f.rows.output, outputs->observer(&t, &closed), &interrupted);
    outputs->erase_progress();
    if (!result) {
      outputs->log(tasks::end_event(t, "interrupted"));
      if (!f.rows.pass.quiet) say("interrupted; to go on: {}", command_line_with("--resume"));
      return closed ? kPipeClosed : kInterrupted;
    }
    r.result = {result->metric_before, result->metric_after, result->files};
    r.plan.after = result->after;
    r.evaluations = result->evaluations;
    r.seconds = t.seconds = result->seconds;
    t.evaluations = result->evaluations;
    t.result = TrainResult{
        .evaluations = result->evaluations, .dialect = r.plan.dialect, .files = result->files};
  } catch (const Error& e) {
    outputs->erase_progress();
    if (e.kind() == ErrorKind::input) outputs->begin_log();
    outputs->log(tasks::end_event(t, "error", e.what()));
    throw;
  }
  if (outputs->wants_report())
    t.curve = curve_of_result(f.rows, t.plan.max_length, judged_by, data.labels);
  if (const int code = outputs->finish(t); code != 0) return code;
  const int code = print_report(f, r);
  if (r.plan.after.sparsity < plan.sparsity && !f.rows.pass.quiet) {
    say("the sparsity is {:.3f}, short of {:.3f}: more epochs or a higher --mask-lr reach it",
        r.plan.after.sparsity, plan.sparsity);
  }
  say_written(f, r);
  return code;
}

int slenderize(const SlenderizeFlags& f) {
  check_slenderize_flags(f);
  check_model_found(f.rows.pass.model);
  check_model_found(f.backbone);
  const BackboneInfo model = inspect_backbone(f.rows.pass.model);
  if (model.num_labels == 0) {
    fail(ErrorKind::model,
         "{}: has no classifier, expected a fine-tuned model (costeff train makes one)",
         f.rows.pass.model);
  }
  if (f.rows.resume && file_exists(join_path(f.rows.output, "slenderize.json"))) {
    fail_output("{}: is finished, so there is nothing to go on with; {}.stages may be removed",
                f.rows.output, f.rows.output);
  }
  if (!f.rows.dry_run) {
    const NewDirectory probe(f.rows.output);
  }
  const auto bad = open_bad_rows(f.rows.pass.bad_rows);
  const bool trains = trains_to_slenderize(f);
  bool drawn = false;
  TrainData data = trains ? read_train_data(f.rows, model, bad.get())
                          : read_any_data(f, model, bad.get(), &drawn);
  if (interrupted) return kInterrupted;
  if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
  if (!f.rows.pass.quiet) say_skipped(*bad);
  check_answers(f.rows.pass.model, data, model);
  return trains ? with_training(f, model, std::move(data))
                : without_training(f, std::move(data), drawn);
}

}  // namespace

void add_slenderize(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<SlenderizeFlags>();
  CLI::App* sub = add_slenderize_flags(app, f.get());
  sub->callback([=] { *run = [=] { return slenderize(*f); }; });
}

}  // namespace costeff::cli
