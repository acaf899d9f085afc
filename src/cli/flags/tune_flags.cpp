#include "cli/flags/tune_flags.h"

#include <cmath>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/flags/doc_flags.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/point_flags.h"
#include "cli/flags/policy_flags.h"

namespace costeff::cli {
namespace {

constexpr const char* kTuneFooter =
    "Of the settings that keep the goal on these rows, the one that saves most is\n"
    "chosen, and of equals the one of better quality (--speedup: the other way\n"
    "round). Without --confidence nothing is promised about other rows. With it,\n"
    "settings are tested from the safest on (--speedup: from the most eager), in an\n"
    "order that does not depend on the data, until one fails; the promise holds for\n"
    "rows drawn as these were, whatever their distribution, and for any number of\n"
    "rows. Several policies share the error, so each is tested at a smaller level.\n"
    "The exit weights of evidence are estimated on rows that are not tested on.\n"
    "--max-drop counts both rows that become wrong and rows that become right;\n"
    "--consistency and --hamming need no labels. For a regression --max-drop bounds the mean\n"
    "distance from the score at full depth, and so the rise of its mean absolute\n"
    "error.\n\n"
    "The policy is written to MODEL/exit_policy.json, where costeff infer finds it;\n"
    "its key tuned says what is promised. If nothing keeps the goal, nothing is\n"
    "written, and the exit code is 1.\n\n"
    "--json: keys model data task goal limit confidence rows search_rows labelled\n"
    "  full_accuracy families (policy settings rows level rows_needed trials) found\n"
    "  chosen (policy setting text thresholds exit_start risk losses gains p_value\n"
    "  mean_exit_layer layers_saved speedup_layers speedup_macs agreement accuracy\n"
    "  exit_histogram; --budget-ms: ms_per_row full_ms_per_row) promise failure\n"
    "  written.\n\n"
    "Examples:\n"
    "  costeff tune MODEL --data dev.tsv --max-drop 0.01 --dry-run\n"
    "  costeff tune MODEL --data dev.tsv --max-drop 0.02 --confidence 0.95\n"
    "  costeff tune MODEL --data rows.txt --consistency --max-drop 0.05\n"
    "  costeff tune MODEL --data dev.tsv --speedup 2 --policy entropy,patience\n"
    "  costeff tune MODEL --data dev.tsv --budget-ms 0.8 -o policy.json\n"
    "  costeff tune MODEL --data dev.tsv --point entropy:0.35\n\n";

void add_goal_flags(CLI::App* sub, TuneFlags* f) {
  const char* group = "Goal (one of them)";
  sub->add_option(
         "--max-drop", f->max_drop,
         "Accuracy may fall by X, 0.01 is one point; with --consistency: a share X of the rows may "
         "get another label than at full depth; regression: scores may change by X on average")
      ->type_name("X")
      ->group(group);
  sub->add_option("--speedup", f->speedup, "At least X times fewer layers than full depth")
      ->type_name("X")
      ->group(group);
  sub->add_option("--budget-ms", f->budget_ms,
                  "At most X ms per row on average, measured here with these threads and batches")
      ->type_name("X")
      ->group(group);
  group = "How sure";
  sub->add_option("--confidence", f->confidence,
                  "Promise the goal for rows not seen yet, with this confidence: 0.95")
      ->type_name("C")
      ->group(group);
  sub->add_flag("--consistency", f->consistency,
                "Compare with full depth instead of with labels, which are not read")
      ->group(group);
  sub->add_flag(
         "--hamming", f->hamming,
         "Multi-label models, --max-drop X: a share X of a row's labels may differ from full "
         "depth, on average, so that the Hamming loss rises by at most X. Labels are not read")
      ->group(group);
}

void add_setting_flags(CLI::App* sub, TuneFlags* f) {
  const char* group = "Settings to choose from";
  sub->add_option("--policy,--policies", f->policies,
                  "entropy, max-prob, margin, patience, learned, fixed, confident-patience, "
                  "divergence-patience, evidence, or several: entropy,confident-patience-3. "
                  "Default: the model's own, else entropy (regression: patience)")
      ->type_name("LIST")
      ->group(group);
  sub->add_option("--point", f->points,
                  "Only this setting: entropy:0.3, patience:3, fixed:2, ... (as costeff sweep "
                  "recommends one). Without a goal it is written as it is. May be given more than "
                  "once")
      ->type_name("POINT")
      ->allow_extra_args(false)
      ->group(group);
  sub->add_option("--patience", f->form.patience,
                  "Exits in a row of confident-patience and divergence-patience (default: 2)")
      ->type_name("N")
      ->check(whole_number(1, kMaxLayers))
      ->group(group);
  add_average_flag(sub, group, &f->form.average);
  sub->add_flag("--per-layer", f->per_layer,
                "One threshold per layer, searched on a part of the rows and tested on the others")
      ->group(group);
  sub->add_option("--search-share", f->search_share,
                  "Share of the rows to search on with --per-layer, and to estimate the exit "
                  "weights of evidence on (default: 0.5)")
      ->type_name("X")
      ->group(group);
  sub->add_option("--seed", f->seed, "Seed of the split of the rows (default: 1)")
      ->type_name("N")
      ->check(whole_number(0, int64_t{1} << 53))
      ->group(group);
  sub->add_option("--exit-start", f->exit_start, "No exit before this layer")
      ->type_name("K")
      ->check(whole_number(1, kMaxLayers))
      ->group(group);
  sub->add_option("--score-range", f->score_range,
                  "Regression: the lowest and the highest score, to which others are cut: 0,5")
      ->type_name("LOW,HIGH")
      ->group(group);
  sub->add_option("--value-threshold", f->value_threshold,
                  "Regression, policy patience: exits agree if they differ by less (default: 0.1)")
      ->type_name("X")
      ->group(group);
  sub->add_option("--repeat", f->repeat, "--budget-ms: passes per measurement (default: 3)")
      ->type_name("N")
      ->check(whole_number(1, 1000))
      ->group(group);
}

void add_output_flags(CLI::App* sub, TuneFlags* f) {
  const char* group = "Output";
  sub->add_option("--output,-o", f->output,
                  "Write the policy here instead of MODEL/exit_policy.json; - is standard output")
      ->type_name("FILE")
      ->group(group);
  sub->add_flag("--dry-run", f->dry_run, "Write nothing")->group(group);
  sub->add_flag("--else-never", f->else_never,
                "If nothing keeps the goal, write a policy that never leaves early")
      ->group(group);
  sub->add_flag("--json", f->json, "Print JSON")->group(group);
}

void check_points(const TuneFlags& f, bool no_goal) {
  if (f.points.empty()) return;
  const bool form = f.form.patience > 0 || f.form.average;
  if (!f.policies.empty() || f.per_layer || form) {
    fail_usage("{} says nothing with --point, which names a setting",
               !f.policies.empty() ? "--policy"
               : f.per_layer       ? "--per-layer"
                                   : "--patience or --average");
  }
  if (f.budget_ms && f.points.size() > 1) throw_usage("--budget-ms takes one --point");
  if (!no_goal) return;
  if (f.points.size() > 1) throw_usage("several --point need a goal to choose by: --max-drop X");
  if (f.confidence) throw_usage("--confidence needs a goal to promise: --max-drop X");
  if (f.hamming) throw_usage("--hamming needs --max-drop");
  if (f.else_never) throw_usage("--else-never needs a goal that may be missed: --max-drop X");
}

}  // namespace

void check_tune_flags(const TuneFlags& f) {
  const int goals = f.max_drop.has_value() + f.speedup.has_value() + f.budget_ms.has_value();
  if (goals == 0 && f.points.empty())
    throw_usage("no goal given, expected --max-drop, --speedup or --budget-ms");
  check_points(f, goals == 0);
  if (goals > 1)
    throw_usage("--max-drop, --speedup and --budget-ms exclude each other, expected one of them");
  if (f.max_drop && !(*f.max_drop > 0)) throw_usage("--max-drop must be above 0");
  if (f.speedup && !(*f.speedup > 1 && std::isfinite(*f.speedup)))
    throw_usage("--speedup must be above 1");
  if (f.budget_ms && !(*f.budget_ms > 0 && std::isfinite(*f.budget_ms)))
    throw_usage("--budget-ms must be above 0");
  if (f.confidence && !(*f.confidence > 0 && *f.confidence < 1))
    throw_usage("--confidence must lie between 0 and 1, such as 0.95");
  if (f.hamming && (f.speedup || f.budget_ms)) throw_usage("--hamming needs --max-drop");
  if (f.hamming && f.consistency)
    throw_usage("--hamming and --consistency exclude each other, expected one of them");
  if (f.budget_ms && f.confidence) {
    throw_usage("--budget-ms takes no --confidence: a time holds for this machine alone");
  }
  if (!(f.search_share > 0 && f.search_share < 1))
    throw_usage("--search-share must lie between 0 and 1");
  if (f.json && f.output == "-")
    throw_usage("--json and --output - both ask for standard output, expected a file for one");
  if (f.dry_run && !f.output.empty())
    throw_usage("--dry-run writes nothing, and --output asks for a file");
}

TuneGoal tune_goal(const TuneFlags& f, const ModelInfo& m) {
  TuneGoal g;
  g.confidence = f.confidence.value_or(0);
  if (f.max_drop) g.limit = *f.max_drop;
  if (f.speedup) g.limit = *f.speedup;
  if (f.hamming && !is_multi_label(m))
    throw_usage("--hamming counts labels one by one, and the model gives one; use --consistency");
  g.kind = f.speedup          ? GoalKind::speedup
           : is_regression(m) ? GoalKind::score_change
           : f.hamming        ? GoalKind::label_change
           : f.consistency    ? GoalKind::disagreement
                              : GoalKind::accuracy_drop;
  if (f.max_drop && !is_regression(m) && !(*f.max_drop < 1))
    throw_usage("--max-drop is a share, expected a number between 0 and 1");
  if (is_regression(m) && has_no_goal(f)) return g;
  if (is_regression(m)) {
    if (f.score_range.empty())
      throw_usage("a regression needs --score-range, such as 0,5 for STS-B");
    const auto range = parse_number_list(f.score_range);
    if (!range || range->size() != 2 || !(range->front() < range->back())) {
      fail_usage("--score-range {}, expected two numbers, the lower one first: 0,5",
                 printable(f.score_range, 40));
    }
    g.score_low = range->front();
    g.score_high = range->back();
  } else if (!f.score_range.empty()) {
    throw_usage("--score-range is for a regression, and this model gives labels");
  }
  return g;
}

bool has_no_goal(const TuneFlags& f) { return !f.max_drop && !f.speedup && !f.budget_ms; }

std::vector<ExitPolicy> tuned_points(const TuneFlags& f, const ModelInfo& m) {
  if (f.points.empty()) return {};
  PointFlags p;
  p.points = f.points;
  p.exit_start = f.exit_start > 1 ? f.exit_start : 0;
  std::vector<ExitPolicy> points = points_from_flags(p, m.policy, is_regression(m));
  for (ExitPolicy& policy : points) {
    if (is_regression(m) && policy.kind == PolicyKind::patience && policy.thresholds.empty())
      policy.thresholds = {f.value_threshold};
    if (lacks_weights(policy)) {
      throw_usage("--point evidence has no exit weights; --policy evidence estimates them");
    }
    check_policy(m, policy);
  }
  return points;
}

std::vector<Curve> tuned_curves(const TuneFlags& f, const ModelInfo& m) {
  if (!f.points.empty()) return {};
  auto curves = tune_curves(f.policies, f.per_layer, f.exit_start, exits_of(m), m.policy, f.form);
  if (f.budget_ms && curves.size() > 1) throw_usage("--budget-ms takes one policy");
  return curves;
}

CLI::App* add_tune_flags(CLI::App* app, TuneFlags* f) {
  CLI::App* sub = app->add_subcommand(
      "tune", "Choose the exit policy that saves most and keeps a goal, with a promise");
  sub->footer(std::string(kTuneFooter) + kExitCodes);
  add_pass_flags(sub, &f->pass, true);
  add_doc_flags(sub, &f->pass.doc, false, false);
  add_goal_flags(sub, f);
  add_setting_flags(sub, f);
  add_output_flags(sub, f);
  return sub;
}

}  // namespace costeff::cli
