#include "cli/sweep_points.h"

#include <costeff/curve.h>
#include <costeff/error.h>

#include <algorithm>

#include "cli/flag_checks.h"
#include "cli/point_flags.h"

namespace costeff::cli {
namespace {

std::vector<Curve> curves_of(const SweepPointFlags& f, const ModelInfo& m) {
  const ModelExits exits = exits_of(m);
  if (!f.policies.empty()) return parse_curves(f.policies, exits);
  if (f.thresholds.empty()) return usual_curves(exits);
  return {{usual_policy(exits, m.policy)}};
}

std::vector<ExitPolicy> given_policies(const SweepPointFlags& f, const ModelInfo& m) {
  if (f.points.empty()) return {};
  PointFlags p;
  p.points = f.points;
  p.exit_start = f.exit_start;
  return points_from_flags(p, m.policy, m.regression);
}

void add_point(const ExitPolicy& policy, const std::string& family,
               std::vector<tasks::SweepPoint>* out) {
  const PolicyWords words = policy_words(policy);
  tasks::SweepPoint p;
  p.policy = policy;
  p.family = family;
  p.name = words.name;
  p.setting = words.setting;
  p.text = words.text;
  // Patience of a regression: its threshold too.
  if (policy.kind == PolicyKind::patience && !policy.thresholds.empty())
    p.setting = words.text.substr(words.text.find(' ') + 1);
  out->push_back(std::move(p));
}

}  // namespace

void add_sweep_point_flags(CLI::App* app, SweepPointFlags* f) {
  const char* group = "Settings";
  app->add_option("--policies", f->policies,
                  "Curves, of entropy, max-prob, margin, learned, patience, fixed, and "
                  "entropy-by-layer, max-prob-by-layer, ... (a threshold a layer); all is what is "
                  "usual for the model. Default: all; with --thresholds the model's own policy, "
                  "else entropy")
      ->type_name("LIST")
      ->group(group);
  app->add_option(
         "--thresholds", f->thresholds,
         "For the policies that have one: 0,0.1,0.2 or first:last:step. Default: quantiles "
         "of what the exits say")
      ->type_name("LIST")
      ->group(group);
  app->add_option("--points", f->count, "How many quantiles (default: 100)")
      ->type_name("N")
      ->check(whole_number(1, 100000))
      ->group(group);
  app->add_option("--point", f->points,
                  "Any policy besides, also more than one: entropy:0.3, entropy:0.3,0.2,0.1 (one a "
                  "layer), patience:3, fixed:2")
      ->type_name("POLICY:X")
      ->allow_extra_args(false)
      ->group(group);
  app->add_option("--exit-start", f->exit_start, "No exit before this layer")
      ->type_name("K")
      ->check(whole_number(1, 1000))
      ->group(group);
}

void check_sweep_points(const SweepPointFlags& f, const ModelInfo& m) {
  (void)curves_of(f, m);
  if (!f.thresholds.empty()) (void)parse_threshold_list(f.thresholds);
  const auto layers = static_cast<int64_t>(m.layers.size());
  if (f.exit_start > layers) {
    throw_usage("--exit-start " + std::to_string(f.exit_start) + ", expected 1 to " +
                std::to_string(layers));
  }
  for (const ExitPolicy& p : given_policies(f, m)) check_policy(m, p);
}

std::vector<tasks::SweepPoint> sweep_points(const SweepPointFlags& f, const tasks::Evaluated& data,
                                            const ModelInfo& m, bool* searched) {
  std::vector<tasks::SweepPoint> out;
  add_point({}, "never", &out);
  const std::vector<ExitPolicy> given = given_policies(f, m);
  const std::string own = policy_words(m.policy).text;
  const bool own_given = std::any_of(
      given.begin(), given.end(), [&](const ExitPolicy& p) { return policy_words(p).text == own; });
  if (m.policy_from_model && m.policy.kind != PolicyKind::never && !own_given)
    add_point(m.policy, "model", &out);
  for (const ExitPolicy& p : given) add_point(p, "given", &out);

  CurveOptions options;
  if (!f.thresholds.empty()) options.thresholds = parse_threshold_list(f.thresholds);
  options.count = f.count;
  options.exit_start = std::max<int64_t>(1, f.exit_start);
  const std::vector<int64_t> gold(data.labels.begin(), data.labels.end());
  *searched = false;
  for (const Curve& curve : curves_of(f, m)) {
    for (const CurveSetting& s : curve_settings(data.table, gold, curve, options))
      add_point(s.policy, s.family, &out);
    *searched = *searched || curve.by_layer;
  }
  return out;
}

}  // namespace costeff::cli
