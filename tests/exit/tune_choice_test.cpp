#include <costeff/error.h>
#include <costeff/tune.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error_of.h"
#include "exit/made_up_rows.h"

namespace costeff {
namespace {

TuneTrial trial_of(double mean_layer, double accuracy, double agreement = 0) {
  TuneTrial t;
  t.mean_layer = mean_layer;
  t.accuracy = accuracy;
  t.agreement = agreement;
  return t;
}

TEST(IsBetter, OneRuleForTies) {
  const struct {
    GoalKind goal;
    bool labelled;
    TuneTrial a, b;
    bool better;
  } cases[] = {
      {GoalKind::accuracy_drop, true, trial_of(2, 0.8), trial_of(3, 0.9), true},
      {GoalKind::accuracy_drop, true, trial_of(3, 0.9), trial_of(2, 0.8), false},
      {GoalKind::accuracy_drop, true, trial_of(2, 0.9), trial_of(2, 0.8), true},
      {GoalKind::accuracy_drop, true, trial_of(2, 0.8), trial_of(2, 0.8), false},
      {GoalKind::disagreement, false, trial_of(2, 0.1, 0.9), trial_of(2, 0.9, 0.8), true},
      {GoalKind::score_change, false, trial_of(2, 0, 0.8), trial_of(2, 0, 0.9), false},
      {GoalKind::speedup, true, trial_of(3, 0.9), trial_of(2, 0.8), true},
      {GoalKind::speedup, true, trial_of(2, 0.9), trial_of(3, 0.9), true},
      {GoalKind::speedup, true, trial_of(2, 0.9), trial_of(2, 0.9), false},
      {GoalKind::speedup, false, trial_of(3, 0.1, 0.9), trial_of(2, 0.9, 0.8), true},
  };
  for (const auto& c : cases)
    EXPECT_EQ(is_better(goal_of(c.goal, 0.1), c.labelled, c.a, c.b), c.better);
}

TEST(ChooseFamily, TheBestThatSavesSomething) {
  const auto family = [](int64_t chosen, TuneTrial trial) {
    TuneFamily f;
    f.result.trials = {trial_of(6, 1), std::move(trial)};
    f.result.chosen = chosen;
    return f;
  };
  const TuneGoal goal = goal_of(GoalKind::accuracy_drop, 0.1);
  const struct {
    std::vector<TuneFamily> families;
    int64_t best;
  } cases[] = {
      {{}, -1},
      {{family(-1, trial_of(1, 1))}, -1},  // nothing passed
      {{family(0, trial_of(1, 1))}, -1},   // full depth saves nothing
      {{family(1, trial_of(3, 0.8)), family(1, trial_of(2, 0.7))}, 1},
      {{family(1, trial_of(2, 0.8)), family(1, trial_of(2, 0.9))}, 1},
      {{family(1, trial_of(2, 0.9)), family(1, trial_of(2, 0.9))}, 0},  // the first stays
      {{family(-1, trial_of(1, 1)), family(1, trial_of(4, 0.9))}, 1},
  };
  for (const auto& c : cases) EXPECT_EQ(choose_family(c.families, goal, true, 6), c.best);
}

TEST(ChooseTrial, TheBestThatPassed) {
  const auto trial = [](bool passed, double mean_layer, double accuracy) {
    TuneTrial t = trial_of(mean_layer, accuracy);
    t.passed = passed;
    return t;
  };
  const struct {
    const char* name;
    GoalKind goal;
    std::vector<TuneTrial> trials;
    int64_t best;
  } cases[] = {
      {"none tried", GoalKind::accuracy_drop, {}, -1},
      {"none passed", GoalKind::accuracy_drop, {trial(false, 2, 0.9)}, -1},
      {"fewer layers", GoalKind::accuracy_drop, {trial(true, 3, 0.9), trial(true, 2, 0.8)}, 1},
      {"not one that failed", GoalKind::accuracy_drop, {trial(true, 3, 0), trial(false, 2, 1)}, 0},
      {"then quality", GoalKind::accuracy_drop, {trial(true, 2, 0.8), trial(true, 2, 0.9)}, 1},
      {"then the first", GoalKind::accuracy_drop, {trial(true, 2, 0.8), trial(true, 2, 0.8)}, 0},
      {"speed-up: quality", GoalKind::speedup, {trial(true, 3, 0.9), trial(true, 2, 0.8)}, 0},
      {"then fewer layers", GoalKind::speedup, {trial(true, 3, 0.9), trial(true, 2, 0.9)}, 1},
      {"then the first", GoalKind::speedup, {trial(true, 2, 0.9), trial(true, 2, 0.9)}, 0},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(choose_trial(c.trials, goal_of(c.goal, 0.1), true), c.best) << c.name;
  }
}

TEST(MeetBudget, MeasuresAFewAndFindsTheFirst) {
  for (int64_t count = 0; count < 40; ++count) {
    std::vector<ExitPolicy> sequence(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) sequence[static_cast<size_t>(i)].layer = i;
    for (int64_t first = 0; first <= count; ++first) {
      // Setting i takes 100 - i; those from `first` on keep the budget, one of them exactly.
      std::multiset<int64_t> measured;
      const BudgetChoice choice =
          meet_budget(sequence, static_cast<double>(100 - first), [&](const ExitPolicy& p) {
            measured.insert(p.layer);
            return static_cast<double>(100 - p.layer);
          });
      const bool found = first < count;
      EXPECT_EQ(choice.chosen, found ? first : -1) << count;
      EXPECT_EQ(choice.ms, count == 0 ? 0 : found ? 100 - first : 100 - (count - 1)) << count;
      EXPECT_LE(measured.size(), 7u);
      for (const int64_t i : measured) EXPECT_EQ(measured.count(i), 1u) << i;
    }
  }
}

ModelExits model_of(int64_t num_labels) {
  ModelExits m;
  m.layers = {1, 2, 3, 4};
  m.num_labels = num_labels;
  m.problem = num_labels == 1 ? ProblemType::regression : ProblemType::single_label;
  return m;
}

TEST(TuneCurves, NamedOrUsual) {
  ExitPolicy own;
  own.kind = PolicyKind::margin;
  using CurveList = std::vector<Curve>;
  EXPECT_EQ(tune_curves("", false, 1, model_of(2), {}), (CurveList{{PolicyKind::entropy}}));
  EXPECT_EQ(tune_curves("", false, 1, model_of(2), own), (CurveList{{PolicyKind::margin}}));
  EXPECT_EQ(tune_curves("", false, 1, model_of(1), {}), (CurveList{{PolicyKind::patience}}));
  EXPECT_EQ(tune_curves("fixed,entropy,fixed", false, 1, model_of(2), {}),
            (CurveList{{PolicyKind::fixed}, {PolicyKind::entropy}}));
  EXPECT_EQ(tune_curves("max-prob", true, 1, model_of(2), {}),
            (CurveList{{PolicyKind::max_prob, true}}));
  EXPECT_EQ(tune_curves("entropy-by-layer", false, 1, model_of(2), {}),
            (CurveList{{PolicyKind::entropy, true}}));
  const auto names = [](const CurveList& curves) {
    std::vector<std::string> out;
    for (const Curve& c : curves) out.push_back(curve_name(c));
    return out;
  };
  using Names = std::vector<std::string>;
  // Exits in a row: two, unless a name or the form has another number.
  EXPECT_EQ(names(tune_curves("confident-patience,divergence-patience-3,evidence", false, 1,
                              model_of(2), {})),
            (Names{"confident-patience-2", "divergence-patience-3", "evidence"}));
  EXPECT_EQ(names(tune_curves("confident-patience,divergence-patience-3", false, 1, model_of(2), {},
                              {.patience = 1, .average = true})),
            (Names{"confident-patience-1-average", "divergence-patience-3"}));
  own.kind = PolicyKind::confident_patience;
  own.patience = 3;
  own.average = true;
  EXPECT_EQ(names(tune_curves("", false, 1, model_of(2), own)),
            (Names{"confident-patience-3-average"}));
  EXPECT_EQ(names(tune_curves("", false, 1, model_of(2), own, {.patience = 2, .average = false})),
            (Names{"confident-patience-2"}));
  const struct {
    const char* names;
    bool by_layer;
    int64_t exit_start;
    const char* error;
  } cases[] = {
      {"never", false, 1, "policy never has nothing to tune"},
      {"fixed", true, 1, "policy fixed has no thresholds to choose layer by layer"},
      {"entropy", false, 5, "exit start 5, expected 1 to 4"},
      {"evidence", true, 1,
       "policy evidence decides by several exits together, so its thresholds cannot be chosen "
       "layer "
       "by layer"},
      {"entropy,", false, 1,
       "policy \"\" is not known, expected one of never, entropy, max-prob, margin, patience, "
       "learned, fixed, confident-patience, divergence-patience, evidence"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(error_of(ErrorKind::usage,
                       [&] { tune_curves(c.names, c.by_layer, c.exit_start, model_of(2), {}); }),
              c.error);
  }
}

TEST(TuneFamilies, ShareTheError) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(400, 12, false, &gold);
  const TuneRows rows = split_for_search(t, gold, 0, 1);
  const TuneGoal goal = goal_of(GoalKind::disagreement, 0.2, 0.9);
  const std::vector<Curve> curves{{PolicyKind::entropy}, {PolicyKind::fixed}};
  const auto families = tune_families(rows, goal, curves, 1, 0);
  ASSERT_EQ(families.size(), 2u);
  for (size_t i = 0; i < families.size(); ++i) {
    const auto sequence = policy_family(curves[i].kind, t);
    EXPECT_EQ(families[i].name, curve_name(curves[i]));
    EXPECT_EQ(families[i].offered, static_cast<int64_t>(sequence.size()));
    EXPECT_EQ(families[i].result.level, (1 - 0.9) / 2);
    const TuneResult alone = calibrate(t, gold, goal, sequence, (1 - 0.9) / 2);
    EXPECT_EQ(families[i].result.chosen, alone.chosen);
    EXPECT_EQ(families[i].result.trials.size(), alone.trials.size());
  }
}

}  // namespace
}  // namespace costeff
