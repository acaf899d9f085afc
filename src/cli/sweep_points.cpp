#include "cli/sweep_points.h"

#include <costeff/error.h>
#include <costeff/tune.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "cli/flag_checks.h"
#include "cli/point_flags.h"
#include "cli/policy_flags.h"

namespace costeff::cli {
namespace {

constexpr std::string_view kByLayer = "-by-layer";

struct Curve {
  PolicyKind kind;
  bool by_layer = false;
};

bool has_learned_exit(const ModelInfo& m) {
  return std::any_of(m.exits.begin(), m.exits.end(), [](const ExitInfo& e) {
    return e.form.find("learned exit") != std::string::npos;
  });
}

Curve parse_curve(std::string name) {
  Curve c;
  c.by_layer = name.ends_with(kByLayer);
  if (c.by_layer) name.resize(name.size() - kByLayer.size());
  try {
    c.kind = parse_policy_kind(name);
  } catch (const Error& e) {
    throw_usage(std::string(e.what()) + ", those with a threshold also with " +
                std::string(kByLayer) + ", or all");
  }
  if (c.by_layer && !has_threshold(c.kind))
    throw_usage("policy " + name + " has no thresholds to choose layer by layer");
  return c;
}

// What is worth seeing without being asked for. With two labels entropy, largest probability and
// margin put the answers in the same order: one curve stands for all three.
std::vector<Curve> usual_curves(const ModelInfo& m) {
  std::vector<Curve> out;
  if (!m.regression) {
    out.push_back({PolicyKind::entropy});
    if (m.num_labels > 2) {
      out.push_back({PolicyKind::max_prob});
      out.push_back({PolicyKind::margin});
    }
  }
  if (has_learned_exit(m)) out.push_back({PolicyKind::learned});
  out.push_back({PolicyKind::patience});
  out.push_back({PolicyKind::fixed});
  if (!m.regression) out.push_back({PolicyKind::entropy, true});
  return out;
}

std::vector<Curve> curves_of(const SweepPointFlags& f, const ModelInfo& m) {
  if (f.policies.empty() && f.thresholds.empty()) return usual_curves(m);
  if (f.policies.empty()) {
    if (has_threshold(m.policy.kind)) return {{m.policy.kind}};
    return {{m.regression ? PolicyKind::patience : PolicyKind::entropy}};
  }
  std::vector<Curve> out;
  for (size_t begin = 0; begin <= f.policies.size();) {
    const size_t comma = std::min(f.policies.find(',', begin), f.policies.size());
    const std::string name = f.policies.substr(begin, comma - begin);
    if (name == "all") {
      for (const Curve& c : usual_curves(m)) out.push_back(c);
    } else {
      out.push_back(parse_curve(name));
    }
    begin = comma + 1;
  }
  return out;
}

// Whether the model can run it at all.
void check_curve(const Curve& c, const ModelInfo& m) {
  const std::string name = std::string("policy ") + policy_name(c.kind);
  if (m.regression && has_threshold(c.kind) && c.kind != PolicyKind::learned)
    throw_usage(name + " needs probabilities, and this model gives a score (regression)");
  if (c.kind == PolicyKind::learned && !has_learned_exit(m))
    throw_usage(name + " needs a model with a learned exit (BERxiT), and this one is " + m.dialect);
}

std::vector<PolicyPoint> given_points(const SweepPointFlags& f, const ModelInfo& m) {
  if (f.points.empty()) return {};
  PointFlags p;
  p.points = f.points;
  p.exit_start = f.exit_start;
  return points_from_flags(p, m.policy, m.regression);
}

void add_point(const ExitPolicy& policy, const std::string& family,
               std::vector<tasks::SweepPoint>* out) {
  const PolicyPoint named = describe_point(policy);
  tasks::SweepPoint p;
  p.policy = policy;
  p.family = family;
  p.name = named.name;
  p.setting = named.setting;
  p.text = named.text;
  // Patience of a regression: its threshold too.
  if (policy.kind == PolicyKind::patience && !policy.thresholds.empty())
    p.setting = named.text.substr(named.text.find(' ') + 1);
  out->push_back(std::move(p));
}

// Patience of a regression: exits agree that differ by less than a threshold, of which the
// differences between neighbours say what is worth trying.
std::vector<double> difference_grid(const ExitTable& t, int64_t count) {
  std::vector<double> differences, out;
  for (int64_t row = 0; row < t.rows(); ++row) {
    for (int64_t e = 1; e < t.exits(); ++e) {
      differences.push_back(std::abs(static_cast<double>(t.value[t.at(row, e)]) -
                                     static_cast<double>(t.value[t.at(row, e - 1)])));
    }
  }
  if (differences.empty()) return {0};
  std::sort(differences.begin(), differences.end());
  for (int64_t q = 0; q <= count; ++q) {
    const double v =
        differences[(differences.size() - 1) * static_cast<size_t>(q) / static_cast<size_t>(count)];
    const double scale = v > 0 ? std::pow(10.0, 2 - std::floor(std::log10(v))) : 1;
    const double up = v > 0 ? (std::floor(v * scale) + 1) / scale : 0;
    if (out.empty() || up > out.back()) out.push_back(up);
  }
  return out;
}

void add_patience(const SweepPointFlags& f, const ExitTable& t, int64_t exit_start,
                  std::vector<tasks::SweepPoint>* out) {
  std::vector<double> thresholds;
  if (t.regression) {
    thresholds = !f.thresholds.empty()
                     ? parse_threshold_list(f.thresholds)
                     : difference_grid(
                           t, std::max<int64_t>(1, f.count / std::max<int64_t>(1, t.exits() - 2)));
  }
  for (int64_t n = t.exits() - 1; n >= 1; --n) {
    ExitPolicy p;
    p.kind = PolicyKind::patience;
    p.patience = n;
    p.exit_start = exit_start;
    if (!t.regression) add_point(p, "patience", out);
    for (const double v : thresholds) {
      p.thresholds = {v};
      add_point(p, "patience-" + std::to_string(n), out);
    }
  }
}

void add_by_layer(const tasks::Evaluated& data, PolicyKind kind, int64_t exit_start,
                  std::vector<tasks::SweepPoint>* out) {
  std::vector<int64_t> some, rest;
  const int64_t rows = data.table.rows();
  const double share = std::min(
      1.0, static_cast<double>(search_rows_enough(data.table.exits())) / static_cast<double>(rows));
  split_rows(rows, share, 1, &some, &rest);
  const ExitTable part = select_rows(data.table, some);
  TuneGoal goal;
  std::vector<int64_t> gold;
  if (data.labels.empty()) {
    goal.kind = data.table.regression ? GoalKind::score_change : GoalKind::disagreement;
    goal.score_high = 10;
  }
  for (const int64_t row : some) {
    if (!data.labels.empty()) gold.push_back(data.labels[static_cast<size_t>(row)]);
  }
  const auto loss = exit_losses(part, goal, gold);
  for (const ExitPolicy& p : per_layer_path(part, loss, kind, exit_start))
    add_point(p, std::string(policy_name(kind)) + std::string(kByLayer), out);
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
  const auto layers = static_cast<int64_t>(m.layers.size());
  for (const Curve& c : curves_of(f, m)) check_curve(c, m);
  if (!f.thresholds.empty()) (void)parse_threshold_list(f.thresholds);
  if (f.exit_start > layers) {
    throw_usage("--exit-start " + std::to_string(f.exit_start) + ", expected 1 to " +
                std::to_string(layers));
  }
  // A table without rows does not check: one row of zeros does.
  Result row;
  for (const ExitInfo& e : m.exits) {
    ExitOutput& out = row.exits.emplace_back();
    out.layer = e.layer;
    out.logits.resize(static_cast<size_t>(std::max<int64_t>(1, m.num_labels)));
    out.uncertainty = has_learned_exit(m) ? 0.0f : -1.0f;
  }
  ExitTable table;
  append(std::span(&row, 1), m.regression, &table);
  for (const PolicyPoint& p : given_points(f, m)) (void)decide(table, p.policy);
}

std::vector<tasks::SweepPoint> sweep_points(const SweepPointFlags& f, const tasks::Evaluated& data,
                                            const ModelInfo& m, bool* searched) {
  const ExitTable& t = data.table;
  const int64_t exit_start = std::max<int64_t>(1, f.exit_start);
  std::vector<tasks::SweepPoint> out;
  add_point({}, "never", &out);
  const std::vector<PolicyPoint> given = given_points(f, m);
  const std::string own = describe_point(m.policy).text;
  const bool own_given =
      std::any_of(given.begin(), given.end(), [&](const PolicyPoint& p) { return p.text == own; });
  if (m.policy_from_model && m.policy.kind != PolicyKind::never && !own_given)
    add_point(m.policy, "model", &out);
  for (const PolicyPoint& p : given) add_point(p.policy, "given", &out);
  *searched = false;
  for (const Curve& c : curves_of(f, m)) {
    if (c.by_layer) {
      add_by_layer(data, c.kind, exit_start, &out);
      *searched = true;
      continue;
    }
    switch (c.kind) {
      case PolicyKind::never:
        break;
      case PolicyKind::fixed:
        for (const ExitPolicy& p : policy_family(c.kind, t, exit_start))
          add_point(p, "fixed", &out);
        break;
      case PolicyKind::patience:
        add_patience(f, t, exit_start, &out);
        break;
      default: {
        ExitPolicy p;
        p.kind = c.kind;
        p.exit_start = exit_start;
        const auto values = f.thresholds.empty() ? quantile_thresholds(t, c.kind, f.count)
                                                 : parse_threshold_list(f.thresholds);
        for (const double v : values) {
          p.thresholds = {v};
          add_point(p, policy_name(c.kind), &out);
        }
      }
    }
  }
  return out;
}

}  // namespace costeff::cli
