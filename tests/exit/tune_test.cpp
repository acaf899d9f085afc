#include <costeff/error.h>
#include <costeff/tune.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>

#include "base/binomial.h"
#include "exit/made_up_rows.h"

namespace costeff {
namespace {

std::vector<ExitPolicy> every(size_t step, std::vector<ExitPolicy> family) {
  if (family.size() < 3 * step) return family;
  std::vector<ExitPolicy> out;
  for (size_t i = 0; i < family.size(); i += step) out.push_back(family[i]);
  return out;
}

TEST(PolicyFamily, FromNobodyToEverybody) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(50, 1, false, &gold);
  for (PolicyKind kind : {PolicyKind::entropy, PolicyKind::max_prob, PolicyKind::margin,
                          PolicyKind::learned, PolicyKind::patience, PolicyKind::fixed}) {
    SCOPED_TRACE(static_cast<int>(kind));
    const auto family = policy_family(kind, t);
    ASSERT_GT(family.size(), 1u);
    std::vector<int32_t> before, now;
    decide_exits(t, family.front(), &before);
    EXPECT_EQ(before, std::vector<int32_t>(50, kExits - 1));
    for (const ExitPolicy& p : family) {
      decide_exits(t, p, &now);
      for (size_t i = 0; i < now.size(); ++i) ASSERT_LE(now[i], before[i]);
      before = now;
    }
    if (kind == PolicyKind::patience) continue;  // exit 2 is the first that can agree
    for (size_t i = 0; i < 50; ++i) {
      const bool surely_unsure = t.uncertainty[t.at(static_cast<int64_t>(i), 0)] >= 1;
      EXPECT_EQ(before[i] == 0, kind != PolicyKind::learned || !surely_unsure) << i;
    }
  }
  EXPECT_EQ(policy_family(PolicyKind::entropy, t).size(), 401u);
  EXPECT_EQ(policy_family(PolicyKind::fixed, t, 3).size(), 2u);
}

ExitPolicy form_for(PolicyKind kind, int64_t patience = 0, bool average = false) {
  ExitPolicy p;
  p.kind = kind;
  p.patience = patience;
  p.average = average;
  return p;
}

// The same for policies that decide by several exits: their exits, and the first by which rows can leave.
TEST(PolicyFamily, OfExitsInARow) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(50, 1, false, &gold);
  ExitPolicy evidence = form_for(PolicyKind::evidence);
  evidence.exit_weights = estimated_weights(t, gold);
  ExitPolicy late = evidence;
  late.exit_start = 2;
  const struct {
    ExitPolicy form;
    int32_t first;
  } cases[] = {{form_for(PolicyKind::confident_patience, 1), 0},
               {form_for(PolicyKind::confident_patience, 2), 1},
               {form_for(PolicyKind::confident_patience, 3, true), 2},
               {form_for(PolicyKind::divergence_patience, 1), 1},
               {form_for(PolicyKind::divergence_patience, 2), 2},
               {evidence, 0},
               {late, 1}};
  for (const auto& c : cases) {
    SCOPED_TRACE(policy_text(c.form));
    const auto family = policy_family(c.form, t);
    ASSERT_GT(family.size(), 300u);
    ASSERT_LE(family.size(), 402u);
    std::vector<int32_t> before(50, kExits - 1), now;
    decide_exits(t, family.front(), &now);
    EXPECT_EQ(now, before);
    int64_t changes = 0;
    for (const ExitPolicy& p : family) {
      EXPECT_EQ(policy_fault(exits_of(t), p), "");
      decide_exits(t, p, &now);
      for (size_t i = 0; i < now.size(); ++i) ASSERT_LE(now[i], before[i]);
      changes += now != before;
      before = now;
    }
    EXPECT_EQ(now, std::vector<int32_t>(50, c.first));
    EXPECT_GT(changes, 20);  // the settings tell rows apart
  }
}

TEST(EstimatedWeights, AccuracyOfEachLayersExit) {
  ExitTable t;
  std::vector<Result> rows(4);
  const int64_t labels[4][3] = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {1, 1, 1}};
  for (size_t i = 0; i < 4; ++i) {
    for (size_t e = 0; e < 3; ++e) {
      ExitOutput& out = rows[i].exits.emplace_back();
      out.layer = static_cast<int64_t>(2 * e) + 2;
      out.logits = {labels[i][e] == 0 ? 1.0f : -1.0f, 0};
    }
  }
  append(rows, ProblemType::single_label, &t);
  // Exits after layers 2, 4 and 6; the last needs no weight.
  EXPECT_EQ(estimated_weights(t, std::vector<int64_t>{0, 0, 0, 0}),
            (std::vector<double>{0, 0.25, 0, 0.5, 0}));
  EXPECT_EQ(estimated_weights(t, {}), (std::vector<double>{0, 0.5, 0, 0.75, 0}));
  EXPECT_THROW(estimated_weights(ExitTable{}, {}), Error);
}

TEST(QuantileThresholds, OfEvidence) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(80, 4, false, &gold);
  ExitPolicy p = form_for(PolicyKind::evidence);
  p.exit_weights = estimated_weights(t, gold);
  const auto grid = evidence_thresholds(t, p, 25);
  EXPECT_GT(grid.size(), 15u);
  EXPECT_LE(grid.size(), 26u);
  for (size_t i = 1; i < grid.size(); ++i) EXPECT_LT(grid[i], grid[i - 1]);
  p.thresholds = {grid.front()};
  for (const Decision& d : decide(t, p)) EXPECT_EQ(d.layer, 4);
  p.thresholds = {grid.back()};
  for (const Decision& d : decide(t, p)) EXPECT_EQ(d.layer, 1);
}

TEST(QuantileThresholds, FromNobodyToEverybody) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(80, 4, false, &gold);
  for (const PolicyKind kind :
       {PolicyKind::entropy, PolicyKind::max_prob, PolicyKind::margin, PolicyKind::learned}) {
    SCOPED_TRACE(static_cast<int>(kind));
    const bool above = kind == PolicyKind::max_prob || kind == PolicyKind::margin;
    const auto grid = quantile_thresholds(t, kind, 25);
    EXPECT_GT(grid.size(), 15u);
    EXPECT_LE(grid.size(), 26u);
    ExitPolicy p;
    p.kind = kind;
    p.thresholds = {grid.front()};
    for (const Decision& d : decide(t, p)) EXPECT_EQ(d.layer, 4);
    p.thresholds = {grid.back()};
    for (const Decision& d : decide(t, p)) EXPECT_EQ(d.layer, 1);
    for (size_t i = 1; i < grid.size(); ++i) EXPECT_EQ(grid[i] > grid[i - 1], !above);
  }
}

// Exits that have learned nothing have nearly the same scores for all rows; thresholds still separate them.
TEST(QuantileThresholds, SeparateScoresThatLieClose) {
  std::vector<Result> rows(50);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (int64_t l = 1; l <= 2; ++l) {
      ExitOutput& e = rows[i].exits.emplace_back();
      e.layer = l;
      e.logits = {0.1f + 0.0004f * static_cast<float>(i), 0};
    }
  }
  ExitTable t;
  append(rows, ProblemType::single_label, &t);
  for (const PolicyKind kind : {PolicyKind::entropy, PolicyKind::max_prob}) {
    std::vector<int64_t> leave;
    for (const double v : quantile_thresholds(t, kind, 10)) {
      ExitPolicy p;
      p.kind = kind;
      p.thresholds = {v};
      int64_t n = 0;
      for (const Decision& d : decide(t, p)) n += d.layer == 1;
      leave.push_back(n);
    }
    ASSERT_EQ(leave.size(), 11u);
    for (size_t q = 1; q < leave.size(); ++q) {
      EXPECT_GE(leave[q], static_cast<int64_t>(5 * q - 1));
      EXPECT_LE(leave[q], static_cast<int64_t>(5 * q + 3));  // half of the way to the next
    }
  }
}

TEST(PerLayerPath, SafeFirstThenMoreEager) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(300, 2, false, &gold);
  const TuneGoal goal = goal_of(GoalKind::accuracy_drop, 0.01);
  const auto loss = exit_losses(t, goal, gold);
  for (PolicyKind kind :
       {PolicyKind::entropy, PolicyKind::max_prob, PolicyKind::margin, PolicyKind::learned}) {
    const auto path = per_layer_path(t, loss, kind);
    ASSERT_GT(path.size(), 10u);
    std::vector<int32_t> before, now;
    decide_exits(t, path.front(), &before);
    EXPECT_EQ(before, std::vector<int32_t>(300, kExits - 1));
    for (const ExitPolicy& p : path) {
      EXPECT_EQ(p.thresholds.size(), static_cast<size_t>(kExits));
      decide_exits(t, p, &now);
      for (size_t i = 0; i < now.size(); ++i) ASSERT_LE(now[i], before[i]);
      before = now;
    }
    for (size_t i = 0; i < now.size(); ++i) EXPECT_EQ(now[i], 0);
  }
  EXPECT_THROW(per_layer_path(t, loss, PolicyKind::patience), Error);
}

TEST(ExitLosses, ByGoal) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(40, 3, false, &gold);
  const auto drop = exit_losses(t, goal_of(GoalKind::accuracy_drop, 0.1), gold);
  const auto differ = exit_losses(t, goal_of(GoalKind::disagreement, 0.1), {});
  const auto speed = exit_losses(t, goal_of(GoalKind::speedup, 2), {});
  for (int64_t row = 0; row < t.rows(); ++row) {
    const int32_t full = t.label[t.at(row, kExits - 1)];
    for (int64_t e = 0; e < kExits; ++e) {
      const size_t i = t.at(row, e);
      EXPECT_EQ(drop[i], static_cast<float>((full == gold[static_cast<size_t>(row)]) -
                                            (t.label[i] == gold[static_cast<size_t>(row)])));
      EXPECT_EQ(differ[i], static_cast<float>(t.label[i] != full));
      EXPECT_EQ(speed[i], static_cast<float>(e + 1) / kExits);
    }
  }
  std::vector<int64_t> none;
  const ExitTable r = made_up_rows(20, 4, true, &none);
  const auto change = exit_losses(r, goal_of(GoalKind::score_change, 0.1), {});
  for (size_t i = 0; i < change.size(); ++i) {
    EXPECT_GE(change[i], 0);
    EXPECT_LE(change[i], 1);
  }
}

// What a row costs at an exit is what its answer there costs, which need not be the exit's own.
TEST(Calibrate, CountsTheAnswersOfAverages) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(500, 5, false, &gold);
  const auto family = policy_family(form_for(PolicyKind::confident_patience, 2, true), t);
  int64_t others = 0;
  for (const GoalKind kind : {GoalKind::accuracy_drop, GoalKind::disagreement}) {
    const TuneResult r = calibrate(t, gold, goal_of(kind, 0.5), every(40, family), 0);
    for (const TuneTrial& trial : r.trials) {
      const auto decisions = decide(t, trial.policy);
      int64_t losses = 0, gains = 0, right = 0, same = 0;
      for (size_t i = 0; i < decisions.size(); ++i) {
        const auto row = static_cast<int64_t>(i);
        const int32_t full = t.label[t.at(row, kExits - 1)];
        const int64_t truth = kind == GoalKind::disagreement ? full : gold[i];
        losses += full == truth && decisions[i].label != truth;
        gains += full != truth && decisions[i].label == truth;
        right += decisions[i].label == gold[i];
        same += decisions[i].label == full;
        others += decisions[i].label != t.label[t.at(row, decisions[i].exit)];
      }
      EXPECT_EQ(trial.losses, losses);
      EXPECT_EQ(trial.gains, gains);
      EXPECT_EQ(trial.accuracy, static_cast<double>(right) / 500);
      EXPECT_EQ(trial.agreement, static_cast<double>(same) / 500);
    }
  }
  EXPECT_GT(others, 20);  // averages that differ from their exit, or this would test nothing
}

TEST(Calibrate, WithoutAPromiseTheBestOnTheseRows) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(500, 5, false, &gold);
  const auto family = policy_family(PolicyKind::entropy, t);
  const TuneResult r = calibrate(t, gold, goal_of(GoalKind::disagreement, 0.05), family, 0);
  ASSERT_GE(r.chosen, 0);
  EXPECT_EQ(r.trials.size(), family.size());
  const TuneTrial& best = r.trials[static_cast<size_t>(r.chosen)];
  EXPECT_LE(best.losses, 25);
  for (const TuneTrial& trial : r.trials) {
    EXPECT_EQ(trial.passed, trial.losses <= 25);
    EXPECT_TRUE(!trial.passed || trial.mean_layer >= best.mean_layer);
    EXPECT_NEAR(trial.agreement, 1 - static_cast<double>(trial.losses) / 500, 1e-12);
  }
}

TEST(Calibrate, TooFewRowsPromiseNothingAndSayHowManyWould) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(200, 6, false, &gold);
  const auto family = policy_family(PolicyKind::entropy, t);
  const TuneResult r =
      calibrate(t, gold, goal_of(GoalKind::disagreement, 0.01, 0.95), family, 0.05);
  EXPECT_EQ(r.chosen, -1);
  EXPECT_EQ(r.trials.size(), 1u);
  EXPECT_EQ(r.rows_needed, 299);
  EXPECT_EQ(
      calibrate(ExitTable{}, {}, goal_of(GoalKind::disagreement, 0.01, 0.95), {}, 0.05).chosen, -1);
}

TEST(Calibrate, SpeedUpTakesTheMostAccurateThatKeepsIt) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(2000, 7, false, &gold);
  const TuneResult r = calibrate(t, gold, goal_of(GoalKind::speedup, 1.5, 0.95),
                                 policy_family(PolicyKind::entropy, t), 0.05);
  ASSERT_GE(r.chosen, 0);
  EXPECT_EQ(r.trials.front().mean_layer, 1);  // the most eager first
  const TuneTrial& best = r.trials[static_cast<size_t>(r.chosen)];
  EXPECT_GE(best.risk, 1.5);
  EXPECT_LT(best.risk, 1.7);
  for (const TuneTrial& trial : r.trials) {
    EXPECT_TRUE(!trial.passed || trial.accuracy <= best.accuracy);
  }
}

TEST(Calibrate, RefusesGoalsThatDoNotFit) {
  std::vector<int64_t> gold;
  const ExitTable score = made_up_rows(10, 8, true, &gold);
  const ExitTable labels = made_up_rows(10, 8, false, &gold);
  EXPECT_THROW(calibrate(score, {}, goal_of(GoalKind::disagreement, 0.1), {}, 0), Error);
  EXPECT_THROW(calibrate(labels, {}, goal_of(GoalKind::score_change, 0.1), {}, 0), Error);
  EXPECT_THROW(calibrate(labels, {}, goal_of(GoalKind::accuracy_drop, 0.1), {}, 0), Error);
}

TEST(SplitForSearch, EveryRowIsSearchedOnOrTested) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(100, 9, false, &gold);
  const TuneRows all = split_for_search(t, gold, 0, 1);
  EXPECT_EQ(all.test.rows(), 100);
  EXPECT_EQ(all.gold, gold);
  EXPECT_EQ(all.search_rows, 0);
  const TuneRows parts = split_for_search(t, gold, 0.3, 1);
  EXPECT_EQ(parts.search.rows(), 30);
  EXPECT_EQ(parts.test.rows(), 70);
  EXPECT_EQ(parts.search_gold.size(), 30u);
  EXPECT_EQ(parts.gold.size(), 70u);
  EXPECT_TRUE(split_for_search(t, {}, 0.3, 1).gold.empty());
  // Settings by layer come from the search, a speed-up's with the losses of accuracy.
  const Curve by_layer{PolicyKind::entropy, true};
  const auto path = tune_sequence(parts, goal_of(GoalKind::speedup, 2), by_layer, 1, 0);
  EXPECT_EQ(path.size(),
            per_layer_path(
                parts.search,
                exit_losses(parts.search, goal_of(GoalKind::accuracy_drop, 2), parts.search_gold),
                PolicyKind::entropy)
                .size());
  EXPECT_EQ(path.front().thresholds.size(), static_cast<size_t>(kExits));
  EXPECT_EQ(tune_sequence(all, goal_of(GoalKind::speedup, 2), {PolicyKind::entropy}, 1, 0).size(),
            policy_family(PolicyKind::entropy, t).size());
}

// The weights of exits come from rows that are not tested on.
TEST(SplitForSearch, WeightsAreOfTheSearch) {
  std::vector<int64_t> gold;
  const ExitTable t = made_up_rows(100, 9, false, &gold);
  const std::vector<Curve> evidence{{.kind = PolicyKind::evidence}},
      by_layer{{.kind = PolicyKind::entropy, .by_layer = true}}, entropy{{}};
  EXPECT_TRUE(needs_search(evidence));
  EXPECT_TRUE(needs_search(by_layer));
  EXPECT_FALSE(needs_search(entropy));
  const TuneRows parts = split_for_search(t, gold, 0.3, 1);
  const TuneRows unlabelled = split_for_search(t, {}, 0.3, 1);
  const TuneGoal goal = goal_of(GoalKind::accuracy_drop, 0.1);
  for (const ExitPolicy& p : tune_sequence(parts, goal, evidence[0], 1, 0))
    ASSERT_EQ(p.exit_weights, estimated_weights(parts.search, parts.search_gold));
  for (const ExitPolicy& p : tune_sequence(unlabelled, goal, evidence[0], 1, 0))
    ASSERT_EQ(p.exit_weights, estimated_weights(parts.search, {}));
}

TEST(SplitRows, PartsAreDisjointAndSeeded) {
  std::vector<int64_t> a, b, c, d;
  split_rows(101, 0.4, 7, &a, &b);
  EXPECT_EQ(a.size(), 40u);
  EXPECT_EQ(b.size(), 61u);
  std::vector<int64_t> all(a);
  all.insert(all.end(), b.begin(), b.end());
  std::sort(all.begin(), all.end());
  for (int64_t i = 0; i < 101; ++i) EXPECT_EQ(all[static_cast<size_t>(i)], i);
  split_rows(101, 0.4, 7, &c, &d);
  EXPECT_EQ(a, c);
  split_rows(101, 0.4, 8, &c, &d);
  EXPECT_NE(a, c);
}

// The promise itself. A population of 1,500 rows is the truth. Each calibration draws its rows from it
// with replacement, and its choice is then evaluated on the whole population.
struct PromiseCase {
  const char* name;
  PolicyKind kind;
  bool per_layer;
  TuneGoal goal;
  int64_t patience = 0;
  bool average = false;
};

double risk_in(const ExitTable& population, const TuneGoal& goal, const std::vector<int64_t>& truth,
               const ExitPolicy& p) {
  std::vector<int32_t> exits;
  decide_exits(population, p, &exits);
  const auto loss = exit_losses(population, goal, truth, labels_by_exit(population, p));
  double sum = 0;
  for (size_t row = 0; row < exits.size(); ++row)
    sum += loss[population.at(static_cast<int64_t>(row), exits[row])];
  return sum / static_cast<double>(exits.size());
}

class Promise : public testing::TestWithParam<PromiseCase> {};

TEST_P(Promise, IsBrokenNoMoreOftenThanStated) {
  constexpr int64_t kPopulation = 1500, kRows = 250;
  constexpr int kCalibrations = 2000;
  const PromiseCase& c = GetParam();
  const bool regression = c.goal.kind == GoalKind::score_change;
  std::vector<int64_t> truth;
  const ExitTable population = made_up_rows(kPopulation, 11, regression, &truth);
  const double limit = regression                         ? c.goal.limit / 5
                       : c.goal.kind == GoalKind::speedup ? 1 / c.goal.limit
                                                          : c.goal.limit;
  const double level = 1 - c.goal.confidence;
  // For thresholds by layer the search has its own rows, from the same population, and so has the estimate
  // of weights.
  std::vector<ExitPolicy> sequence;
  if (c.per_layer || policy_traits(c.kind).needs_weights) {
    std::vector<int64_t> few(kRows);
    std::mt19937_64 random(5);
    for (int64_t& row : few) row = static_cast<int64_t>(random() % kPopulation);
    const ExitTable part = select_rows(population, few);
    std::vector<int64_t> part_gold;
    for (int64_t row : few) part_gold.push_back(truth[static_cast<size_t>(row)]);
    if (c.per_layer) {
      sequence = per_layer_path(part, exit_losses(part, c.goal, part_gold), c.kind);
    } else {
      ExitPolicy form = form_for(c.kind);
      form.exit_weights = estimated_weights(part, part_gold);
      sequence = every(12, policy_family(form, population));
    }
  } else if (c.patience > 0) {
    sequence = every(12, policy_family(form_for(c.kind, c.patience, c.average), population));
  } else {
    sequence = every(12, policy_family(c.kind, population, 1, 0.8));
  }
  std::vector<double> risks;  // of each policy of the sequence, in the population
  for (const ExitPolicy& p : sequence) risks.push_back(risk_in(population, c.goal, truth, p));
  // The last policies must break the goal, or this would test nothing.
  const bool fast = c.goal.kind == GoalKind::speedup;
  ASSERT_GT(fast ? risks.front() : risks.back(), limit);

  std::mt19937_64 random(17);
  std::vector<int64_t> rows(kRows), gold(kRows);
  int broken = 0, promised = 0;
  for (int i = 0; i < kCalibrations; ++i) {
    for (size_t j = 0; j < rows.size(); ++j) {
      rows[j] = static_cast<int64_t>(random() % kPopulation);
      gold[j] = truth[static_cast<size_t>(rows[j])];
    }
    const ExitTable sample = select_rows(population, rows);
    const TuneResult r =
        calibrate(sample, regression ? std::vector<int64_t>{} : gold, c.goal, sequence, level);
    if (r.chosen < 0) continue;
    ++promised;
    const auto at =
        static_cast<size_t>(fast ? static_cast<int64_t>(sequence.size()) - 1 - r.chosen : r.chosen);
    broken += risks[at] > limit;
  }
  EXPECT_GT(promised, kCalibrations / 2);
  // As many as a share of exactly 1 - confidence would give in 999 of 1,000 such tests.
  int most = 0;
  while (binomial_cdf(most, kCalibrations, level) < 0.999) ++most;
  EXPECT_LE(broken, most);
  RecordProperty("broken", broken);
  RecordProperty("promised", promised);
}

std::vector<PromiseCase> promise_cases() {
  std::vector<PromiseCase> out;
  const auto drop = goal_of(GoalKind::accuracy_drop, 0.05, 0.9);
  const auto differ = goal_of(GoalKind::disagreement, 0.08, 0.9);
  const auto change = goal_of(GoalKind::score_change, 0.15, 0.9);
  const auto speed = goal_of(GoalKind::speedup, 1.4, 0.9);
  out.push_back({"EntropyDrop", PolicyKind::entropy, false, drop});
  out.push_back({"EntropyDisagreement", PolicyKind::entropy, false, differ});
  out.push_back({"EntropySpeedup", PolicyKind::entropy, false, speed});
  out.push_back({"EntropyPerLayerDrop", PolicyKind::entropy, true, drop});
  out.push_back({"EntropyPerLayerDisagreement", PolicyKind::entropy, true, differ});
  out.push_back({"MaxProbDrop", PolicyKind::max_prob, false, drop});
  out.push_back({"MaxProbDisagreement", PolicyKind::max_prob, false, differ});
  out.push_back({"MarginDrop", PolicyKind::margin, false, drop});
  out.push_back({"MarginDisagreement", PolicyKind::margin, false, differ});
  out.push_back({"PatienceDrop", PolicyKind::patience, false, drop});
  out.push_back({"PatienceDisagreement", PolicyKind::patience, false, differ});
  out.push_back({"LearnedDrop", PolicyKind::learned, false, drop});
  out.push_back({"LearnedDisagreement", PolicyKind::learned, false, differ});
  out.push_back({"FixedDrop", PolicyKind::fixed, false, drop});
  out.push_back({"FixedDisagreement", PolicyKind::fixed, false, differ});
  out.push_back({"PatienceScoreChange", PolicyKind::patience, false, change});
  out.push_back({"FixedScoreChange", PolicyKind::fixed, false, change});
  const auto in_a_row = [&](const char* name, PolicyKind kind, const TuneGoal& goal,
                            int64_t patience, bool average) {
    out.push_back({name, kind, false, goal, patience, average});
  };
  const PolicyKind confident = PolicyKind::confident_patience,
                   divergent = PolicyKind::divergence_patience;
  in_a_row("ConfidentPatienceDrop", confident, drop, 2, false);
  in_a_row("ConfidentPatienceDisagreement", confident, differ, 2, false);
  in_a_row("ConfidentPatienceAverageDrop", confident, drop, 2, true);
  in_a_row("ConfidentPatienceAverageDisagreement", confident, differ, 2, true);
  in_a_row("DivergencePatienceDrop", divergent, drop, 1, false);
  in_a_row("DivergencePatienceDisagreement", divergent, differ, 1, false);
  out.push_back({"EvidenceDrop", PolicyKind::evidence, false, drop});
  out.push_back({"EvidenceDisagreement", PolicyKind::evidence, false, differ});
  out.push_back({"EvidenceSpeedup", PolicyKind::evidence, false, speed});
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, Promise, testing::ValuesIn(promise_cases()),
                         [](const auto& p) { return std::string(p.param.name); });

}  // namespace
}  // namespace costeff
