#include <costeff/error.h>
#include <costeff/tune.h>

#include <algorithm>

#include "base/parse.h"

namespace costeff {

std::vector<Curve> tune_curves(std::string_view names, bool by_layer, int64_t exit_start,
                               const ModelExits& model, const ExitPolicy& own,
                               const CurveForm& form) {
  std::vector<Curve> curves;
  if (names.empty()) {
    curves.push_back(usual_curve(model, own));
    if (form.patience > 0) curves.back().patience = 0;
  } else {
    for (const std::string_view name : split_at(names, ',')) {
      const auto curve = find_curve(name);
      if (!curve) parse_policy_kind(name);  // which says what is known
      if (std::find(curves.begin(), curves.end(), *curve) == curves.end()) curves.push_back(*curve);
    }
  }
  apply_form(form, &curves);
  for (Curve& c : curves) {
    if (c.kind == PolicyKind::never) throw_usage("policy never has nothing to tune");
    if (by_layer) check_by_layer(c.kind);
    c.by_layer = c.by_layer || by_layer;
    check_policy_kind(model, c.kind, exit_start);
    constexpr int64_t kUsualPatience = 2;
    if (has_curve_of_number(c.kind) && c.patience == 0) c.patience = kUsualPatience;
  }
  return curves;
}

std::vector<TuneFamily> tune_families(const TuneRows& rows, const TuneGoal& goal,
                                      std::span<const Curve> curves, int64_t exit_start,
                                      double value_threshold) {
  const double level = (1 - goal.confidence) / static_cast<double>(curves.size());
  std::vector<TuneFamily> families;
  for (const Curve& curve : curves) {
    const std::vector<ExitPolicy> sequence =
        tune_sequence(rows, goal, curve, exit_start, value_threshold);
    families.push_back(
        {.name = curve_name(curve),
         .offered = static_cast<int64_t>(sequence.size()),
         .result = calibrate(rows.test, rows.gold, goal, sequence, level, rows.windows())});
  }
  return families;
}

std::vector<TuneFamily> tune_points(const TuneRows& rows, const TuneGoal& goal,
                                    std::span<const ExitPolicy> points) {
  const double level = (1 - goal.confidence) / static_cast<double>(points.size());
  std::vector<TuneFamily> families;
  for (const ExitPolicy& p : points) {
    families.push_back(
        {.name = policy_words(p).text,
         .offered = 1,
         .result = calibrate(rows.test, rows.gold, goal, {&p, 1}, level, rows.windows())});
  }
  return families;
}

bool is_better(const TuneGoal& goal, bool labelled, const TuneTrial& a, const TuneTrial& b) {
  const double quality_a = labelled ? a.accuracy : a.agreement;
  const double quality_b = labelled ? b.accuracy : b.agreement;
  if (goal.kind == GoalKind::speedup && quality_a != quality_b) return quality_a > quality_b;
  if (a.mean_layer != b.mean_layer) return a.mean_layer < b.mean_layer;
  return quality_a > quality_b;
}

int64_t choose_trial(std::span<const TuneTrial> trials, const TuneGoal& goal, bool labelled) {
  int64_t best = -1;
  for (int64_t i = 0; i < static_cast<int64_t>(trials.size()); ++i) {
    const TuneTrial& trial = trials[static_cast<size_t>(i)];
    if (!trial.passed) continue;
    if (best < 0 || is_better(goal, labelled, trial, trials[static_cast<size_t>(best)])) best = i;
  }
  return best;
}

int64_t choose_family(std::span<const TuneFamily> families, const TuneGoal& goal, bool labelled,
                      int64_t layers) {
  int64_t best = -1;
  const auto chosen = [&](int64_t family) -> const TuneTrial& {
    const TuneResult& r = families[static_cast<size_t>(family)].result;
    return r.trials[static_cast<size_t>(r.chosen)];
  };
  for (int64_t i = 0; i < static_cast<int64_t>(families.size()); ++i) {
    if (families[static_cast<size_t>(i)].result.chosen < 0) continue;
    if (chosen(i).mean_layer >= static_cast<double>(layers)) continue;
    if (best < 0 || is_better(goal, labelled, chosen(i), chosen(best))) best = i;
  }
  return best;
}

BudgetChoice meet_budget(std::span<const ExitPolicy> sequence, double budget_ms,
                         const std::function<double(const ExitPolicy&)>& measure) {
  BudgetChoice choice;
  if (sequence.empty()) return choice;
  size_t low = 0, high = sequence.size() - 1;
  choice.ms = measure(sequence[high]);
  if (!(choice.ms <= budget_ms)) return choice;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const double ms = measure(sequence[middle]);
    if (ms <= budget_ms) {
      high = middle;
      choice.ms = ms;
    } else {
      low = middle + 1;
    }
  }
  choice.chosen = static_cast<int64_t>(high);
  return choice;
}

}  // namespace costeff
