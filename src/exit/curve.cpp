#include <costeff/curve.h>
#include <costeff/error.h>
#include <costeff/tune.h>

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/names.h"
#include "base/parse.h"

namespace costeff {
namespace {

constexpr std::string_view kByLayer = "-by-layer";

using Settings = std::vector<CurveSetting>;

void add_settings(const std::vector<ExitPolicy>& policies, const std::string& family,
                  Settings* out) {
  for (const ExitPolicy& p : policies) out->push_back({p, family});
}

// The longest patience is the safest. A regression also has a threshold, so there is a curve for each
// patience.
void add_patience(const ExitTable& t, const CurveOptions& o, Settings* out) {
  const int64_t longest = t.exits() - 1;
  std::vector<double> thresholds = o.thresholds;
  if (is_regression(t) && thresholds.empty())
    thresholds =
        difference_thresholds(t, std::max<int64_t>(1, o.count / std::max<int64_t>(1, longest - 1)));
  ExitPolicy p;
  p.kind = PolicyKind::patience;
  p.exit_start = o.exit_start;
  for (p.patience = longest; p.patience >= 1; --p.patience) {
    if (!is_regression(t)) {
      out->push_back({p, policy_name(p.kind)});
      continue;
    }
    for (const double v : thresholds) {
      p.thresholds = {v};
      out->push_back({p, fmt::format("{}-{}", policy_name(p.kind), p.patience)});
    }
  }
}

void add_thresholds(const ExitTable& t, PolicyKind kind, const CurveOptions& o, Settings* out) {
  ExitPolicy p;
  p.kind = kind;
  p.exit_start = o.exit_start;
  for (const double v :
       o.thresholds.empty() ? quantile_thresholds(t, kind, o.count) : o.thresholds) {
    p.thresholds = {v};
    out->push_back({p, policy_name(kind)});
  }
}

// The search uses a part of the rows if there are more than it needs.
void add_by_layer(const ExitTable& t, std::span<const int64_t> gold, const Curve& curve,
                  int64_t exit_start, Settings* out) {
  std::vector<int64_t> some, rest;
  const double share = std::min(
      1.0, static_cast<double>(search_rows_enough(t.exits())) / static_cast<double>(t.rows()));
  constexpr uint64_t kSeed = 1;
  split_rows(t.rows(), share, kSeed, &some, &rest);
  const ExitTable part = select_rows(t, some);
  TuneGoal goal;
  if (gold.empty()) {
    goal.kind = is_regression(t) ? GoalKind::score_change : GoalKind::disagreement;
    goal.score_high = 10;
  }
  const auto loss = exit_losses(part, goal, select_gold(gold, some));
  add_settings(per_layer_path(part, loss, curve.kind, exit_start), curve_name(curve), out);
}

}  // namespace

std::string curve_name(const Curve& curve) {
  return policy_name(curve.kind) + std::string(curve.by_layer ? kByLayer : "");
}

Curve parse_curve(std::string_view name) {
  Curve c;
  c.by_layer = name.ends_with(kByLayer);
  std::string_view policy = name;
  if (c.by_layer) policy.remove_suffix(kByLayer.size());
  const PolicyTraits* row = find_named(kPolicies, policy);
  if (!row) {
    throw_unknown_name("policy", policy,
                       fmt::format("{}, those with a threshold also with {}, or all",
                                   listed_names(kPolicies), kByLayer));
  }
  c.kind = row->value;
  if (c.by_layer) check_by_layer(c.kind);
  return c;
}

std::vector<Curve> usual_curves(const ModelExits& m) {
  std::vector<Curve> out;
  if (!is_regression(m)) {
    out.push_back({PolicyKind::entropy});
    if (m.num_labels > 2) {
      out.push_back({PolicyKind::max_prob});
      out.push_back({PolicyKind::margin});
    }
  }
  if (m.learned) out.push_back({PolicyKind::learned});
  out.push_back({PolicyKind::patience});
  out.push_back({PolicyKind::fixed});
  if (!is_regression(m)) out.push_back({PolicyKind::entropy, true});
  return out;
}

PolicyKind usual_policy(const ModelExits& m, const ExitPolicy& own) {
  if (has_threshold(own.kind)) return own.kind;
  return is_regression(m) ? PolicyKind::patience : PolicyKind::entropy;
}

std::vector<Curve> parse_curves(std::string_view names, const ModelExits& m) {
  std::vector<Curve> out;
  for (const std::string_view name : split_at(names, ',')) {
    if (name == "all") {
      for (const Curve& c : usual_curves(m)) out.push_back(c);
    } else {
      out.push_back(parse_curve(name));
    }
  }
  for (const Curve& c : out) check_policy_kind(m, c.kind);
  return out;
}

std::vector<CurveSetting> curve_settings(const ExitTable& t, std::span<const int64_t> gold,
                                         const Curve& curve, const CurveOptions& o) {
  Settings out;
  if (curve.by_layer) {
    add_by_layer(t, gold, curve, o.exit_start, &out);
  } else if (curve.kind == PolicyKind::fixed) {
    add_settings(policy_family(curve.kind, t, o.exit_start), curve_name(curve), &out);
  } else if (curve.kind == PolicyKind::patience) {
    add_patience(t, o, &out);
  } else if (has_threshold(curve.kind)) {
    add_thresholds(t, curve.kind, o, &out);
  }
  return out;
}

std::vector<double> difference_thresholds(const ExitTable& t, int64_t count) {
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

std::vector<Curve> sweep_curves(std::string_view names, bool thresholds_given, const ModelExits& m,
                                const ExitPolicy& own) {
  if (!names.empty()) return parse_curves(names, m);
  if (!thresholds_given) return usual_curves(m);
  return {{usual_policy(m, own)}};
}

std::vector<CurveSetting> sweep_settings(const ExitTable& t, std::span<const int64_t> gold,
                                         const SweepRequest& request) {
  Settings out{{ExitPolicy{}, "never"}};
  if (request.own && request.own->kind != PolicyKind::never) {
    const std::string own = policy_words(*request.own).text;
    const bool given =
        std::any_of(request.given.begin(), request.given.end(),
                    [&](const ExitPolicy& p) { return policy_words(p).text == own; });
    if (!given) out.push_back({*request.own, "model"});
  }
  add_settings(request.given, "given", &out);
  for (const Curve& curve : request.curves) {
    const Settings settings = curve_settings(t, gold, curve, request.options);
    out.insert(out.end(), settings.begin(), settings.end());
  }
  return out;
}

}  // namespace costeff
