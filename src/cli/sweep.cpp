#include "tasks/judge/sweep.h"

#include <costeff/engine.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/names.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/labelled_pass.h"
#include "cli/load_flags.h"
#include "cli/print.h"
#include "cli/sweep_points.h"
#include "tasks/report/report_html.h"
#include "tasks/report/sweep_writer.h"
#include "tasks/write/output_file.h"
#include "tasks/write/progress.h"

namespace costeff::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct SweepFlags {
  PassFlags pass;
  SweepPointFlags points;
  std::string tsv, json, svg, html, svg_axis, title, batch_tokens = "256";
  bool unlabelled = false, timed = false;
  int64_t shown = 8, examples = 20, repeat = 5, timed_points = 6;
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::vector<int64_t> batch_sizes(const std::string& text) {
  const auto sizes = parse_int_list(text, 1, kMostBatchTokens);
  if (sizes) return *sizes;
  throw_usage("--batch-tokens \"" + printable(text, 80) + "\", expected whole numbers from 1 to " +
              std::to_string(kMostBatchTokens) + ": 64,256");
}

constexpr std::array<Name<tasks::SpeedAxis>, 3> kAxes{{{"layers", tasks::SpeedAxis::layers},
                                                       {"macs", tasks::SpeedAxis::macs},
                                                       {"time", tasks::SpeedAxis::time}}};

tasks::SpeedAxis svg_axis(const SweepFlags& f) {
  if (f.svg_axis.empty()) return f.timed ? tasks::SpeedAxis::time : tasks::SpeedAxis::macs;
  const tasks::SpeedAxis axis = value_of_name(kAxes, f.svg_axis, "--svg-axis");
  if (axis == tasks::SpeedAxis::time && !f.timed) throw_usage("--svg-axis time needs --timed");
  return axis;
}

// The files that were asked for. They are opened before the work starts, and appear when all of it
// is done.
class Outputs {
 public:
  // data: the file that is read.
  explicit Outputs(std::string data) : data_(std::move(data)) {}

  // Throws Error: no such directory, the data itself, the file of another output, ...
  void add(const std::string& path,
           std::string (*text)(const SweepFlags&, const tasks::SweepReport&)) {
    if (path.empty()) return;
    refuse_to_replace(path, {data_});
    for (const File& other : files_) {
      if (same_place(other.path, path))
        throw_usage(printable(path, 200) + ": two outputs, expected a file for each");
    }
    files_.push_back({path, text, std::make_unique<tasks::OutputFile>(path, &interrupted)});
    if (path == "-") uses_stdout_ = true;
  }

  bool uses_stdout() const { return uses_stdout_; }

  // "costeff: wrote a.tsv and a.html"; nothing where there are no files.
  std::string wrote_text() const {
    std::string names;
    size_t left = files_.size() - (uses_stdout_ ? 1 : 0);
    for (const File& file : files_) {
      if (file.path == "-") continue;
      names += printable(file.path);
      if (--left > 0) names += left == 1 ? " and " : ", ";
    }
    return names.empty() ? "" : "costeff: wrote " + names + "\n";
  }

  // Returns an exit code.
  int write(const SweepFlags& f, const tasks::SweepReport& r) {
    for (const File& file : files_) {
      const tasks::WriteStatus status = file.out->write(file.text(f, r));
      if (status == tasks::WriteStatus::closed) return kPipeClosed;
      if (status == tasks::WriteStatus::stopped) return kInterrupted;
    }
    if (interrupted) return kInterrupted;
    for (const File& file : files_) file.out->commit();
    return 0;
  }

 private:
  struct File {
    std::string path;
    std::string (*text)(const SweepFlags&, const tasks::SweepReport&);
    std::unique_ptr<tasks::OutputFile> out;
  };
  std::string data_;
  std::vector<File> files_;
  bool uses_stdout_ = false;
};

std::string title_of(const SweepFlags& f, const tasks::SweepReport& r) {
  if (!f.title.empty()) return f.title;
  std::string model = r.model;
  while (model.size() > 1 && model.back() == '/') model.pop_back();
  return model.substr(model.rfind('/') + 1) + ": " + r.quality_name + " against speed";
}

Outputs open_outputs(const SweepFlags& f, const std::string& data) {
  Outputs out(data);
  out.add(f.tsv, [](const SweepFlags&, const tasks::SweepReport& r) { return sweep_tsv(r); });
  out.add(f.json, [](const SweepFlags&, const tasks::SweepReport& r) { return sweep_json(r); });
  out.add(f.svg, [](const SweepFlags& flags, const tasks::SweepReport& r) {
    return sweep_svg(r, svg_axis(flags), title_of(flags, r));
  });
  out.add(f.html, [](const SweepFlags& flags, const tasks::SweepReport& r) {
    return sweep_html(r, title_of(flags, r));
  });
  return out;
}

// Which points are timed, by rising cost: those that were given, else the model's own and a part of
// the front.
std::vector<size_t> points_to_time(const SweepFlags& f, const tasks::SweepReport& r) {
  std::vector<size_t> out;
  for (size_t i = 0; i < r.points.size(); ++i) {
    if (r.points[i].family == "given" || r.points[i].family == "model") out.push_back(i);
  }
  if (f.points.points.empty()) {
    for (const size_t i : tasks::pick_points(r.points, static_cast<size_t>(f.timed_points))) {
      if (std::find(out.begin(), out.end(), i) == out.end()) out.push_back(i);
    }
  }
  out.erase(std::remove(out.begin(), out.end(), size_t{0}), out.end());  // full depth: always
  return out;
}

// Every chosen point once in each round, so that a slow moment of the machine falls on all alike.
void time_points(const SweepFlags& f, const Engine& engine, const tasks::DataSet& set,
                 tasks::SweepReport* r) {
  const std::vector<int64_t> sizes = batch_sizes(f.batch_tokens);
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
  // Caches and packed weights are warm then.
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

void check_flags(const SweepFlags& f, const tasks::DataSet& set) {
  if (f.timed && set.path == "-")
    throw_usage("--timed reads the data again, and standard input cannot be");
  (void)svg_axis(f);
  (void)batch_sizes(f.batch_tokens);
}

int sweep(const SweepFlags& f) {
  if (f.pass.model.empty()) throw_usage("the name of the model directory is empty");
  check_not_swapped(f.pass.model, f.pass.data);
  const Engine engine = load_engine(f.pass.model, load_options(f.pass.load));
  const ModelInfo& m = engine.info();
  const tasks::DataSet set = find_data_set(f.pass, engine);
  check_flags(f, set);
  if (f.unlabelled && m.regression)
    throw_usage("--unlabelled compares labels, and this model gives a score (regression)");
  check_sweep_points(f.points, m);
  check_bad_row_flags(f.pass.bad_rows, {"-", f.tsv, f.json, f.svg, f.html}, {set.path});
  const auto bad = open_bad_rows(f.pass.bad_rows);
  Outputs outputs = open_outputs(f, set.path);

  try {
    tasks::DisagreementKeeper keeper(f.examples);
    const LabelledPass pass = run_pass(f.pass, engine, set, !f.unlabelled, bad.get(),
                                       [&](auto rows, auto results) { keeper.add(rows, results); });
    tasks::SweepReport r;
    r.model = f.pass.model;
    r.dialect = m.dialect;
    r.data = set.path;
    r.task = set.task ? std::string(set.task->name) : "";
    r.quality_name = m.regression ? "pearson" : f.unlabelled ? "agreement" : "accuracy";
    r.labels = pass.labels.names.empty() ? m.labels : pass.labels.names;
    r.regression = m.regression;
    r.labelled = !f.unlabelled;
    r.rows = pass.stats.rows;
    r.tokens = pass.stats.tokens;
    r.layers = static_cast<int64_t>(m.layers.size());
    r.threads = pass.stats.threads;
    r.pass_seconds = pass.stats.wall_s;

    const auto begin = Clock::now();
    tasks::SweepEvaluator evaluator(pass.data, m);
    r.points = sweep_points(f.points, pass.data, m, &r.searched);
    for (tasks::SweepPoint& p : r.points) evaluator.evaluate(&p);
    tasks::mark_pareto(&r.points);
    r.sweep_seconds = seconds_since(begin);
    r.full_macs = evaluator.full_macs();
    for (int64_t e = 0; e < pass.data.table.exits(); ++e)
      r.exits.push_back(evaluator.exit_summary(e));
    r.disagreeing_rows = keeper.rows();
    r.disagreements = keeper.take();
    if (f.timed) time_points(f, engine, set, &r);

    if (bad->commit() != tasks::WriteStatus::ok) return kPipeClosed;
    if (!f.pass.quiet) say_skipped(*bad);
    if (const int code = outputs.write(f, r); code != 0) {
      if (code == kInterrupted) throw PassInterrupted{r.rows};
      return code;
    }
    if (!f.pass.quiet) std::fputs(outputs.wrote_text().c_str(), stderr);
    if (outputs.uses_stdout()) return 0;
    const bool all = !f.points.thresholds.empty() || f.shown == 0;
    return print(tasks::sweep_text(r, all ? 0 : static_cast<size_t>(f.shown)));
  } catch (const PassInterrupted& e) {
    return say_pass_interrupted(f.pass, e);
  }
}

constexpr const char* kSweepFooter =
    "One pass computes every exit; each setting is then judged as costeff infer\n"
    "would answer with it, row for row. agrees: share of rows with the label of full\n"
    "depth (differs: mean distance of the scores). MACs/x: how many times fewer\n"
    "multiply-accumulates than the last classifier alone. ECE: expected calibration\n"
    "error, 10 bins.\n\n"
    "setting: the threshold (one a layer), patience (regression: 2 < 0.5) or layer.\n"
    "--tsv: one line a setting (a timed one: a line a batch size), columns\n"
    "  curve policy setting exit_start rows quality quality_low quality_high spearman\n"
    "  agreement mean_exit_layer layers_saved speedup_layers macs speedup_macs pareto\n"
    "  exit_histogram batch_tokens rows_per_s rows_per_s_low rows_per_s_high\n"
    "  speedup_time\n"
    "--json: keys model dialect data task quality_name labels regression labelled\n"
    "  rows tokens layers threads pass_seconds sweep_seconds full_macs searched\n"
    "  points exits disagreeing_rows disagreements; points have the columns above,\n"
    "  thresholds, text and timings (batch_tokens seconds rows_per_s ...\n"
    "  speedup_time); exits have layer quality quality_low quality_high mean_entropy\n"
    "  ece bins (low high rows right mean_prob); disagreements have row id text pair\n"
    "  gold layer early_label early_prob last_label last_prob.\n"
    "With a file name of - that file goes to standard output, and no table.\n\n"
    "Examples:\n"
    "  costeff sweep models/sst2-slender --data dev.tsv --html report.html\n"
    "  costeff sweep MODEL --data MRPC --policies entropy --thresholds 0:0.7:0.1\n"
    "  costeff sweep MODEL --data dev.tsv --timed --batch-tokens 64,256 --svg a.svg\n"
    "  costeff sweep MODEL --data dev.tsv --tsv - | awk -F'\\t' '$16==1{print $3,$6}'\n\n";

void add_flags(CLI::App* sub, SweepFlags* f) {
  add_sweep_point_flags(sub, &f->points);
  const char* group = "Timing";
  CLI::Option* timed = sub->add_flag(
      "--timed", f->timed,
      "Also measure wall time: full depth, the model's own policy, those of --point, else "
      "a part of the front");
  timed->group(group);
  sub->add_option("--batch-tokens", f->batch_tokens,
                  "Tokens that travel together at most, up to 512 for a thread (default: 256); "
                  "several sizes: 64,256")
      ->type_name("N[,N...]")
      ->needs(timed)
      ->group(group);
  sub->add_option("--repeat", f->repeat, "Rounds; each times every point once (default: 5)")
      ->type_name("N")
      ->check(whole_number(1, 1000))
      ->needs(timed)
      ->group(group);
  sub->add_option("--timed-points", f->timed_points, "Points of the front to time (default: 6)")
      ->type_name("N")
      ->check(whole_number(2, 1000))
      ->needs(timed)
      ->group(group);
  group = "Output";
  sub->add_option("--tsv", f->tsv, "Every setting as a line of a table")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--json", f->json, "All that is printed or drawn, as JSON")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--html", f->html, "A report with pictures: one file, no network")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--svg", f->svg, "The picture alone")->type_name("FILE")->group(group);
  sub->add_option("--svg-axis", f->svg_axis,
                  "Its speed: layers, macs or time (default: time if --timed, else macs)")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--title", f->title, "Of the report and the picture")
      ->type_name("TEXT")
      ->group(group);
  sub->add_option("--show", f->shown, "Lines of the table a curve (default: 8; 0: all)")
      ->type_name("N")
      ->check(whole_number(0, 1000000))
      ->group(group);
  sub->add_option("--examples", f->examples,
                  "Rows in the report that an early exit and the last answer differently "
                  "(default: 20)")
      ->type_name("N")
      ->check(whole_number(0, 1000))
      ->group(group);
}

}  // namespace

void add_sweep(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<SweepFlags>();
  CLI::App* sub = app->add_subcommand(
      "sweep", "Show accuracy against speed: every policy and threshold from one pass");
  sub->footer(std::string(kSweepFooter) + kExitCodes);
  add_pass_flags(sub, &f->pass, false);
  sub->add_flag("--unlabelled", f->unlabelled,
                "The data has no labels: judge by agreement with the last exit")
      ->group("Data");
  add_flags(sub, f.get());
  sub->callback([=] { *run = [=] { return sweep(*f); }; });
}

}  // namespace costeff::cli
