#include "cli/flags/sweep_flags.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/fail.h"
#include "base/names.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/flags/doc_flags.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/point_flags.h"
#include "cli/flags/policy_flags.h"

namespace costeff::cli {
namespace {

constexpr std::array<Name<tasks::SpeedAxis>, 3> kAxes{{{"layers", tasks::SpeedAxis::layers},
                                                       {"macs", tasks::SpeedAxis::macs},
                                                       {"time", tasks::SpeedAxis::time}}};

constexpr const char* kSweepFooter =
    "One pass computes every exit; each setting is then judged from the answers that\n"
    "costeff infer would give with it. agrees: share of rows that get the label of\n"
    "full depth (differs: mean distance of the scores). MACs/x: multiply-accumulates\n"
    "of the last classifier alone, divided by those of the setting. ECE: expected\n"
    "calibration error, 10 bins.\n\n"
    "setting: the threshold (or one per layer), patience (regression, and policies\n"
    "of exits in a row: 2 < 0.5) or layer.\n\n"
    "Recommended is, of the settings within the noise of full depth (the 95% interval\n"
    "of the paired change reaches 0) that lose at most one point, the one that saves\n"
    "the most; without labels: of those that change at most 1% of the answers.\n"
    "Settings fitted to these very rows (by-layer, evidence) are left out.\n"
    "Of several models: the cheapest setting in the interval of the best model.\n\n"
    "--tsv: one line per setting (if timed: one per batch size), columns\n"
    "  curve policy setting exit_start rows quality quality_low quality_high spearman\n"
    "  agreement mean_exit_layer layers_saved speedup_layers macs speedup_macs pareto\n"
    "  exit_histogram batch_tokens rows_per_s rows_per_s_low rows_per_s_high\n"
    "  speedup_time change change_low change_high latency_p50_ms latency_p99_ms\n"
    "  recommended model\n"
    "--json: keys model dialect data task quality_name labels regression\n"
    "  multi_label label_thresholds labelled windows rows tokens layers parameters\n"
    "  threads pass_seconds sweep_seconds full_macs full_quality_low\n"
    "  full_quality_high searched points recommended answers exits disagreeing_rows\n"
    "  disagreements provenance; points have the columns above,\n"
    "  thresholds, patience, average, exit_weights, text, losses, gains, fitted, own\n"
    "  and timings (batch_tokens seconds rows_per_s ... speedup_time); recommended\n"
    "  has point text reason command; answers have point labels (label rows answered\n"
    "  precision recall f1) confusion; exits have layer quality quality_low\n"
    "  quality_high mean_entropy ece risk_coverage risk_coverage_random\n"
    "  risk_coverage_best bins (low high rows right mean_prob); disagreements have\n"
    "  row id text pair gold layer early_label early_prob last_label last_prob.\n"
    "  Of several models: models (each as above), front, recommended.\n"
    "If one of these files is -, it goes to standard output, and there is no table.\n\n"
    "Examples:\n"
    "  costeff sweep models/sst2-slender --data dev.tsv --html report.html\n"
    "  costeff sweep BERT SLENDER --data dev.tsv --html report.html\n"
    "  costeff sweep MODEL --data MRPC --policies entropy --thresholds 0:0.7:0.1\n"
    "  costeff sweep MODEL --data dev.tsv --timed --batch-tokens 64,256 --svg a.svg\n"
    "  costeff sweep MODEL --data dev.tsv --tsv - | awk -F'\\t' '$16==1{print $3,$6}'\n\n";

void add_setting_flags(CLI::App* sub, SweepFlags* f) {
  const char* group = "Settings";
  sub->add_option("--policies", f->policies,
                  "Curves to show: entropy, max-prob, margin, learned, patience, fixed, or with a "
                  "threshold per layer entropy-by-layer, max-prob-by-layer, ...; "
                  "confident-patience (a curve for each number of exits, or "
                  "confident-patience-2), divergence-patience, evidence; all: the usual ones for "
                  "the model. Default: all; with --thresholds the model's own policy, else entropy")
      ->type_name("LIST")
      ->group(group);
  sub->add_option(
         "--thresholds", f->thresholds,
         "For the policies that have one: 0,0.1,0.2 or first:last:step. Default: quantiles of "
         "the exits' scores")
      ->type_name("LIST")
      ->group(group);
  sub->add_option("--points", f->count, "Number of quantiles (default: 100)")
      ->type_name("N")
      ->check(whole_number(1, 100000))
      ->group(group);
  sub->add_option("--point", f->points,
                  "A further policy: entropy:0.3, entropy:0.3,0.2,0.1 (one threshold per layer), "
                  "patience:3, fixed:2, confident-patience:2:0.3, evidence:1.5. May be given more "
                  "than once")
      ->type_name("POINT")
      ->allow_extra_args(false)
      ->group(group);
  sub->add_option(
         "--patience", f->form.patience,
         "Of confident-patience and divergence-patience: only the curve of N exits in a row")
      ->type_name("N")
      ->check(whole_number(1, kMaxLayers))
      ->group(group);
  add_average_flag(sub, group, &f->form.average);
  add_exit_weights_flag(sub, group, &f->exit_weights);
  sub->add_option("--exit-start", f->exit_start, "No exit before this layer")
      ->type_name("K")
      ->check(whole_number(1, kMaxLayers))
      ->group(group);
}

void add_timing_flags(CLI::App* sub, SweepFlags* f) {
  const char* group = "Timing";
  CLI::Option* timed = sub->add_flag(
      "--timed", f->timed,
      "Also measure wall time and latency: of full depth, the recommended setting, the model's "
      "own policy and those of --point, or without --point of some points of the front");
  timed->group(group);
  sub->add_option("--batch-tokens", f->batch_tokens,
                  "Compute at most N tokens together; a thread takes at most 512 (default: 256); "
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
}

void add_output_flags(CLI::App* sub, SweepFlags* f) {
  const char* group = "Output";
  sub->add_option("--tsv", f->tsv, "A table with a line for every setting")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--json", f->json, "Everything that is printed or drawn, as JSON")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--html", f->html, "A report with pictures: one file that needs no network")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--svg", f->svg, "The picture alone")->type_name("FILE")->group(group);
  sub->add_option(
         "--svg-axis", f->svg_axis,
         "Speed in the picture: layers, macs or time (default: time if --timed, else macs)")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--title", f->title, "Title of the report and the picture")
      ->type_name("TEXT")
      ->group(group);
  sub->add_option("--show", f->shown, "Lines in the table for each curve (default: 8; 0: all)")
      ->type_name("N")
      ->check(whole_number(0, 1000000))
      ->group(group);
  sub->add_option("--examples", f->examples,
                  "Rows to show in the report that an early exit and the last one answer "
                  "differently (default: 20)")
      ->type_name("N")
      ->check(whole_number(0, 1000))
      ->group(group);
}

bool any_point_averages(const std::vector<std::string>& points) {
  return std::any_of(points.begin(), points.end(), [](const std::string& p) {
    return policy_traits(parse_policy_kind(p.substr(0, p.find(':')))).may_average;
  });
}

// Weights of exits from the command line, for all that need them.
void give_weights(const std::vector<double>& weights, SweepRequest* r) {
  bool needed = std::any_of(r->curves.begin(), r->curves.end(),
                            [](const Curve& c) { return policy_traits(c.kind).needs_weights; });
  for (ExitPolicy& p : r->given) {
    if (!policy_traits(p.kind).needs_weights) continue;
    needed = true;
    p.exit_weights = weights;
    p.weights_from.clear();
  }
  if (!needed) throw_usage("--exit-weights goes with policy evidence");
  r->options.exit_weights = weights;
  r->options.weights_from.clear();
}

}  // namespace

CLI::App* add_sweep_flags(CLI::App* app, SweepFlags* f) {
  CLI::App* sub = app->add_subcommand(
      "sweep",
      "Show accuracy against speed: every policy and threshold from one pass, and which "
      "to take");
  sub->footer(std::string(kSweepFooter) + kExitCodes);
  add_pass_flags(sub, &f->pass, false, &f->models);
  add_doc_flags(sub, &f->pass.doc, false, false);
  sub->add_flag("--unlabelled", f->unlabelled,
                "The data has no labels: judge by agreement with the last exit")
      ->group("Data");
  add_setting_flags(sub, f);
  add_timing_flags(sub, f);
  add_output_flags(sub, f);
  return sub;
}

void check_sweep_flags(const SweepFlags& f, const tasks::DataSet& set, const ModelInfo& m) {
  if (f.timed && set.path == "-") {
    throw_usage("--timed reads the data again, which standard input does not allow");
  }
  svg_axis(f);
  batch_sizes(f);
  if (f.models.size() > 1 && set.path == "-")
    throw_usage("several models read the data again, which standard input does not allow");
  if (f.models.size() > 1 && f.unlabelled)
    throw_usage("--unlabelled compares a model with itself, expected one model");
  if (f.unlabelled && is_regression(m))
    throw_usage("--unlabelled compares labels, and this model gives a score (regression)");
  const auto layers = static_cast<int64_t>(m.layers.size());
  const SweepRequest request = sweep_request(f, m);
  if (f.exit_start > layers) fail_usage("--exit-start {}, expected 1 to {}", f.exit_start, layers);
  for (ExitPolicy p : request.given) {
    if (lacks_weights(p)) p.exit_weights = {1};  // they are estimated
    check_policy(m, p);
  }
  for (const Curve& c : request.curves) {
    ExitPolicy p = form_of(c, request.options.exit_start);
    if (!policy_traits(c.kind).needs_weights || request.options.exit_weights.empty()) continue;
    p.thresholds = {0};
    p.exit_weights = request.options.exit_weights;
    check_policy(m, p);
  }
  check_bad_row_flags(f.pass.bad_rows, {"-", f.tsv, f.json, f.svg, f.html}, {set.path});
}

SweepRequest sweep_request(const SweepFlags& f, const ModelInfo& m) {
  SweepRequest r;
  if (m.policy_from_model) r.own = m.policy;
  r.curves = sweep_curves(f.policies, !f.thresholds.empty(), exits_of(m), m.policy);
  if (!f.thresholds.empty()) r.options.thresholds = parse_threshold_list(f.thresholds);
  const bool of_points = f.form.average && any_point_averages(f.points);
  CurveForm form = f.form;
  const auto may_average = [](const Curve& c) { return policy_traits(c.kind).may_average; };
  if (of_points && std::none_of(r.curves.begin(), r.curves.end(), may_average))
    form.average.reset();
  apply_form(form, &r.curves);
  r.options.exit_weights = m.policy.exit_weights;
  r.options.weights_from = m.policy.weights_from;
  r.options.count = f.count;
  r.options.exit_start = std::max<int64_t>(1, f.exit_start);
  if (!f.points.empty()) {
    PointFlags p;
    p.points = f.points;
    if (of_points) p.average = f.form.average;
    p.exit_start = f.exit_start;
    r.given = points_from_flags(p, m.policy, is_regression(m));
  }
  if (!f.exit_weights.empty()) give_weights(parse_exit_weights(f.exit_weights), &r);
  return r;
}

std::vector<int64_t> batch_sizes(const SweepFlags& f) {
  if (auto sizes = parse_int_list(f.batch_tokens, 1, kMaxBatchTokens)) return *std::move(sizes);
  fail_usage("--batch-tokens \"{}\", expected whole numbers from 1 to {}: 64,256",
             printable(f.batch_tokens, 80), kMaxBatchTokens);
}

tasks::SpeedAxis svg_axis(const SweepFlags& f) {
  if (f.svg_axis.empty()) return f.timed ? tasks::SpeedAxis::time : tasks::SpeedAxis::macs;
  const tasks::SpeedAxis axis = value_of_name(kAxes, f.svg_axis, "--svg-axis");
  if (axis == tasks::SpeedAxis::time && !f.timed) throw_usage("--svg-axis time needs --timed");
  return axis;
}

}  // namespace costeff::cli
