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

constexpr std::string_view kByLayer = "-by-layer", kAverage = "-average";
constexpr int64_t kLongestPatience = 1000;

// Removes the suffix. Returns whether it was there.
bool take_suffix(std::string_view suffix, std::string_view* name) {
  if (!name->ends_with(suffix)) return false;
  name->remove_suffix(suffix.size());
  return true;
}

using Settings = std::vector<CurveSetting>;

void add_settings(const std::vector<ExitPolicy>& policies, const std::string& family,
                  Settings* out) {
  for (const ExitPolicy& p : policies) out->push_back({p, family});
}

// The number of quantiles for each of `curves` curves.
int64_t count_for_each(const CurveOptions& o, int64_t curves) {
  return std::max<int64_t>(1, o.count / std::max<int64_t>(1, curves));
}

// The longest patience is the safest. A regression also has a threshold, so there is a curve for each
// patience.
void add_patience(const ExitTable& t, const CurveOptions& o, Settings* out) {
  const int64_t longest = t.exits() - 1;
  std::vector<double> thresholds = o.thresholds;
  if (is_regression(t) && thresholds.empty())
    thresholds = difference_thresholds(t, count_for_each(o, longest - 1));
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

void add_with_thresholds(ExitPolicy p, std::span<const double> thresholds,
                         const std::string& family, Settings* out) {
  for (const double v : thresholds) {
    p.thresholds = {v};
    out->push_back({p, family});
  }
}

std::vector<double> thresholds_for(const ExitTable& t, const ExitPolicy& form,
                                   const CurveOptions& o, int64_t count) {
  if (!o.thresholds.empty()) return o.thresholds;
  return form.kind == PolicyKind::evidence ? evidence_thresholds(t, form, count)
                                           : quantile_thresholds(t, form.kind, count);
}

void add_thresholds(const ExitTable& t, std::span<const int64_t> gold, Curve curve,
                    const CurveOptions& o, Settings* out) {
  ExitPolicy form = form_of(curve, o.exit_start);
  if (policy_traits(form.kind).needs_weights) {
    form.exit_weights = o.exit_weights.empty() ? estimated_weights(t, gold) : o.exit_weights;
    form.weights_from = o.weights_from;
  }
  if (!has_curve_of_number(curve.kind) || curve.patience > 0) {
    const auto thresholds = thresholds_for(t, form, o, o.count);
    add_with_thresholds(form, thresholds, curve_name(curve), out);
    return;
  }
  // Of the exits that are looked at, before the last. The first has none before it to differ from.
  int64_t longest = curve.kind == PolicyKind::divergence_patience ? -1 : 0;
  for (int64_t e = 0; e + 1 < t.exits(); ++e)
    longest += t.layers[static_cast<size_t>(e)] >= o.exit_start;
  const auto thresholds = thresholds_for(t, form, o, count_for_each(o, longest));
  for (form.patience = curve.patience = longest; curve.patience > 0;
       form.patience = --curve.patience)
    add_with_thresholds(form, thresholds, curve_name(curve), out);
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
  std::string name = policy_name(curve.kind);
  if (curve.patience > 0) append_format(&name, "-{}", curve.patience);
  if (curve.average) name += kAverage;
  if (curve.by_layer) name += kByLayer;
  return name;
}

std::optional<Curve> find_curve(std::string_view name) {
  Curve c;
  c.by_layer = take_suffix(kByLayer, &name);
  c.average = take_suffix(kAverage, &name);
  const PolicyTraits* row = find_named(kPolicies, name);
  if (const size_t dash = name.rfind('-'); !row && dash != std::string_view::npos) {
    const auto n = parse_int(name.substr(dash + 1), 1, kLongestPatience);
    row = find_named(kPolicies, name.substr(0, dash));
    if (!n || !row || !has_curve_of_number(row->value)) return std::nullopt;
    c.patience = *n;
  }
  if (!row || (c.average && !row->may_average)) return std::nullopt;
  c.kind = row->value;
  if (c.by_layer) check_by_layer(c.kind);
  return c;
}

Curve parse_curve(std::string_view name) {
  if (const auto curve = find_curve(name)) return *curve;
  take_suffix(kByLayer, &name);
  throw_unknown_name("policy", name,
                     fmt::format("{}, those with a threshold also with {}, or all",
                                 listed_names(kPolicies), kByLayer));
}

void apply_form(const CurveForm& form, std::vector<Curve>* curves) {
  bool numbered = false, averaged = false;
  for (Curve& c : *curves) {
    if (has_curve_of_number(c.kind)) {
      numbered = true;
      if (c.patience == 0) c.patience = form.patience;
    }
    if (policy_traits(c.kind).may_average) {
      averaged = true;
      if (form.average) c.average = *form.average;
    }
  }
  if (form.patience > 0 && !numbered)
    throw_usage("--patience goes with the policies confident-patience and divergence-patience");
  if (form.average && !averaged) throw_usage("--average goes with the policy confident-patience");
}

ExitPolicy form_of(const Curve& curve, int64_t exit_start) {
  ExitPolicy form;
  form.kind = curve.kind;
  form.exit_start = exit_start;
  form.patience = curve.patience;
  form.average = curve.average;
  return form;
}

std::vector<Curve> usual_curves(const ModelExits& m) {
  std::vector<Curve> out;
  if (!is_regression(m)) {
    out.push_back({PolicyKind::entropy});
    if (m.num_labels > 2 && !is_multi_label(m)) {
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

Curve usual_curve(const ModelExits& m, const ExitPolicy& own) {
  Curve c{.kind = usual_policy(m, own)};
  if (has_curve_of_number(c.kind)) c.patience = own.patience;
  c.average = c.kind == own.kind && own.average;
  return c;
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
    add_thresholds(t, gold, curve, o, &out);
  }
  const bool weighed = policy_traits(curve.kind).needs_weights && o.exit_weights.empty();
  for (CurveSetting& s : out) s.fitted = curve.by_layer || weighed;
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
  return {usual_curve(m, own)};
}

bool estimates_weights(const SweepRequest& request) {
  return std::any_of(request.given.begin(), request.given.end(), lacks_weights) ||
         (request.options.exit_weights.empty() &&
          std::any_of(request.curves.begin(), request.curves.end(),
                      [](const Curve& c) { return policy_traits(c.kind).needs_weights; }));
}

std::vector<CurveSetting> sweep_settings(const ExitTable& t, std::span<const int64_t> gold,
                                         const SweepRequest& request) {
  Settings out{{ExitPolicy{}, "never"}};
  if (request.own && request.own->kind != PolicyKind::never) {
    const std::string own = policy_text(*request.own);
    const bool given = std::any_of(request.given.begin(), request.given.end(),
                                   [&](const ExitPolicy& p) { return policy_text(p) == own; });
    if (!given) out.push_back({*request.own, "model"});
  }
  for (ExitPolicy p : request.given) {
    const bool weighed = lacks_weights(p);
    if (weighed) p.exit_weights = estimated_weights(t, gold);
    out.push_back({std::move(p), "given", weighed});
  }
  for (const Curve& curve : request.curves) {
    const Settings settings = curve_settings(t, gold, curve, request.options);
    out.insert(out.end(), settings.begin(), settings.end());
  }
  return out;
}

}  // namespace costeff
