#include <costeff/error.h>
#include <costeff/tune.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "exit/risk_control.h"

namespace costeff {
namespace {

constexpr int64_t kMaxRows = 10'000'000;  // for rows_needed

// The part of a test's level that is spent on bounding the share of rows that change.
double gamma_of(double level) { return level / 10; }

// The results of a setting on the rows at hand.
struct Counts {
  int64_t rows = 0, losses = 0, gains = 0;
  double sum = 0;  // of losses
};

double p_value_of(const TuneGoal& goal, const Counts& c, double level) {
  const double mean = c.rows > 0 ? c.sum / static_cast<double>(c.rows) : 1;
  switch (goal.kind) {
    case GoalKind::accuracy_drop:
      return exits::accuracy_drop_p_value(c.rows, c.losses, c.gains, goal.limit, gamma_of(level));
    case GoalKind::disagreement:
      return exits::binomial_p_value(c.rows, c.losses, goal.limit);
    case GoalKind::label_change:
      return exits::hoeffding_bentkus_p_value(c.rows, mean, goal.limit);
    case GoalKind::score_change:
      return exits::hoeffding_bentkus_p_value(c.rows, mean,
                                              goal.limit / (goal.score_high - goal.score_low));
    case GoalKind::speedup:
      return exits::hoeffding_bentkus_p_value(c.rows, mean, 1 / goal.limit);
  }
  return 1;
}

bool keeps_goal(const TuneGoal& goal, const TuneTrial& trial) {
  return goal.kind == GoalKind::speedup ? trial.risk >= goal.limit : trial.risk <= goal.limit;
}

double risk_of(const TuneGoal& goal, const Counts& c) {
  const double mean = c.sum / static_cast<double>(c.rows);
  switch (goal.kind) {
    case GoalKind::score_change:
      return mean * (goal.score_high - goal.score_low);
    case GoalKind::speedup:
      return 1 / mean;
    default:
      return mean;
  }
}

double cut(const TuneGoal& goal, double score) {
  return std::clamp(score, goal.score_low, goal.score_high);
}

// An answer to a row, and where it leaves.
struct RowAnswer {
  int64_t label = 0, layer = 0;
  double value = 0;
};

// The share of the labels in which two multi-label answers differ.
double label_distance(const ExitTable& t, int64_t a, int64_t b) {
  if (a == b) return 0;
  const std::vector<int32_t>&x = t.label_sets.at(static_cast<int32_t>(a)),
        &y = t.label_sets.at(static_cast<int32_t>(b));
  std::vector<int32_t> differ;
  std::set_symmetric_difference(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(differ));
  return static_cast<double>(differ.size()) / static_cast<double>(t.num_labels);
}

// What an answer costs under the goal. truth: only of accuracy_drop.
float loss_of(const ExitTable& t, const TuneGoal& goal, const RowAnswer& a, const RowAnswer& full,
              int64_t truth) {
  double loss = 0;
  switch (goal.kind) {
    case GoalKind::accuracy_drop:
      loss = static_cast<double>(full.label == truth) - static_cast<double>(a.label == truth);
      break;
    case GoalKind::disagreement:
      loss = a.label != full.label;
      break;
    case GoalKind::label_change:
      loss = label_distance(t, a.label, full.label);
      break;
    case GoalKind::score_change:
      loss =
          std::abs(cut(goal, a.value) - cut(goal, full.value)) / (goal.score_high - goal.score_low);
      break;
    case GoalKind::speedup:
      loss = static_cast<double>(a.layer) / static_cast<double>(t.layers.back());
      break;
  }
  return static_cast<float>(loss);
}

int64_t truth_of(std::span<const int64_t> gold, int64_t row) {
  return gold.empty() ? 0 : gold[static_cast<size_t>(row)];
}

// Tries one policy after another on the same rows.
class TrialRows {
 public:
  TrialRows(const ExitTable& t, std::span<const int64_t> gold, const TuneGoal& goal,
            const TextWindows& windows)
      : table_(t), gold_(gold), goal_(goal), windows_(windows) {
    answer({}, &full_);
  }

  int64_t rows() const { return static_cast<int64_t>(full_.size()); }

  TuneTrial run(const ExitPolicy& policy, Counts* c) {
    answer(policy, &answers_);
    *c = {};
    c->rows = rows();
    int64_t layers = 0, right = 0;
    double agree = 0;
    for (int64_t row = 0; row < rows(); ++row) {
      const RowAnswer &a = answers_[static_cast<size_t>(row)],
                      &full = full_[static_cast<size_t>(row)];
      const float loss = loss_of(table_, goal_, a, full, truth_of(gold_, row));
      c->sum += static_cast<double>(loss);
      c->losses += loss > 0;
      c->gains += loss < 0;
      layers += a.layer;
      agree += is_regression(table_) ? 1 - std::abs(cut(goal_, a.value) - cut(goal_, full.value)) /
                                               (goal_.score_high - goal_.score_low)
                                     : a.label == full.label;
      if (!gold_.empty()) right += a.label == gold_[static_cast<size_t>(row)];
    }
    const auto n = static_cast<double>(rows());
    const bool counted =
        goal_.kind == GoalKind::accuracy_drop || goal_.kind == GoalKind::disagreement;
    return {.policy = policy,
            .risk = risk_of(goal_, *c),
            .losses = counted ? c->losses : 0,
            .gains = counted ? c->gains : 0,
            .mean_layer = static_cast<double>(layers) / n,
            .agreement = agree / n,
            .accuracy = gold_.empty() ? 0 : static_cast<double>(right) / n};
  }

 private:
  void answer(const ExitPolicy& policy, std::vector<RowAnswer>* out) {
    out->clear();
    if (!windows_.first.empty()) {
      for (const Decision& d : join_decisions(table_, policy, windows_.first, windows_.join))
        out->push_back({d.label, d.layer, static_cast<double>(d.value)});
      return;
    }
    decide_exits(table_, policy, &exits_);
    set_labels(policy);
    for (int64_t row = 0; row < table_.rows(); ++row) {
      const int64_t e = exits_[static_cast<size_t>(row)];
      const size_t at = table_.at(row, e);
      out->push_back({label_[at], table_.layers[static_cast<size_t>(e)],
                      static_cast<double>(table_.value[at])});
    }
  }

  // The labels that rows get at each exit. They depend on the number of exits that are averaged, which is the
  // same for most of a sequence.
  void set_labels(const ExitPolicy& policy) {
    const int64_t averaged = averages(policy) ? policy.patience : 1;
    if (averaged == averaged_) return;
    averaged_ = averaged;
    label_ = labels_by_exit(table_, policy);
  }

  const ExitTable& table_;
  std::span<const int64_t> gold_;
  const TuneGoal& goal_;
  const TextWindows windows_;
  int64_t averaged_ = 0;
  std::vector<int32_t> label_;  // [rows, E]
  std::vector<int32_t> exits_;
  std::vector<RowAnswer> full_, answers_;  // [rows]
};

// The number of rows that is needed if nothing goes wrong in any of them.
int64_t fewest_rows_for(const TuneGoal& goal, double level, const ExitTable& t) {
  return exits::fewest_rows(level, kMaxRows, [&](int64_t rows) {
    Counts best{.rows = rows};
    if (goal.kind == GoalKind::speedup) {
      best.sum = static_cast<double>(rows) * static_cast<double>(t.layers.front()) /
                 static_cast<double>(t.layers.back());
    }
    return p_value_of(goal, best, level);
  });
}

void check_goal(const ExitTable& t, const TuneGoal& goal, std::span<const int64_t> gold,
                int64_t rows) {
  const bool needs_gold = goal.kind == GoalKind::accuracy_drop;
  if (needs_gold && static_cast<int64_t>(gold.size()) != rows)
    throw Error(ErrorKind::internal, "not as many labels as rows");
  if (is_regression(t) && (needs_gold || goal.kind == GoalKind::disagreement))
    throw_usage("a regression has no accuracy and no labels that could agree");
  if (!is_multi_label(t) && goal.kind == GoalKind::label_change)
    throw_usage("labels change one by one in a multi-label model alone");
  if (!is_regression(t) && goal.kind == GoalKind::score_change)
    throw_usage("a classifier has no score that changes");
  if (goal.kind == GoalKind::score_change && !(goal.score_low < goal.score_high))
    throw_usage("the score range is empty");
}

}  // namespace

std::vector<float> exit_losses(const ExitTable& t, const TuneGoal& goal,
                               std::span<const int64_t> gold, std::span<const int32_t> labels) {
  if (labels.empty()) labels = t.label;
  const int64_t exits = t.exits(), last = exits - 1;
  std::vector<float> out(static_cast<size_t>(t.rows() * exits));
  const auto answer = [&](int64_t row, int64_t e) {
    const size_t i = t.at(row, e);
    return RowAnswer{labels[i], t.layers[static_cast<size_t>(e)], static_cast<double>(t.value[i])};
  };
  for (int64_t row = 0; row < t.rows(); ++row) {
    const RowAnswer full = answer(row, last);
    for (int64_t e = 0; e < exits; ++e)
      out[t.at(row, e)] = loss_of(t, goal, answer(row, e), full, truth_of(gold, row));
  }
  return out;
}

TuneResult calibrate(const ExitTable& t, std::span<const int64_t> gold, const TuneGoal& goal,
                     std::span<const ExitPolicy> sequence, double level,
                     const TextWindows& windows) {
  const int64_t texts =
      windows.first.empty() ? t.rows() : static_cast<int64_t>(windows.first.size()) - 1;
  check_goal(t, goal, gold, texts);
  TuneResult result;
  result.rows = texts;
  result.level = level;
  const bool promise = goal.confidence > 0;
  if (promise) result.rows_needed = fewest_rows_for(goal, level, t);
  if (texts == 0) return result;

  TrialRows rows(t, gold, goal, windows);
  const auto count = static_cast<int64_t>(sequence.size());
  const bool eager_first = goal.kind == GoalKind::speedup;
  Counts before{.rows = -1};
  const auto test = [&](int64_t i) {
    Counts c;
    const int64_t at = eager_first ? count - 1 - i : i;
    TuneTrial& trial = result.trials.emplace_back(rows.run(sequence[static_cast<size_t>(at)], &c));
    if (!promise) {
      trial.passed = keeps_goal(goal, trial);
      return 0.0;
    }
    // Neighbouring settings often decide the same, and p-values take time.
    const bool same = c.losses == before.losses && c.gains == before.gains && c.sum == before.sum &&
                      c.rows == before.rows;
    trial.p_value =
        same ? result.trials[result.trials.size() - 2].p_value : p_value_of(goal, c, level);
    trial.passed = trial.p_value <= level;
    before = c;
    return trial.p_value;
  };
  exits::fixed_sequence(count, level, test);

  result.chosen = choose_trial(result.trials, goal, !gold.empty() && !is_regression(t));
  return result;
}

}  // namespace costeff
