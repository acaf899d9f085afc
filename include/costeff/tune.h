#pragma once

// Chooses the exit policy that saves most and keeps a goal, with a promise about rows not yet seen. The
// promise holds for any distribution and any number of rows, if later rows are drawn like these.

#include <costeff/curve.h>
#include <costeff/exit_table.h>
#include <costeff/options.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace costeff {

enum class GoalKind {
  accuracy_drop,  // accuracy at full depth minus accuracy, at most `limit`
  disagreement,   // share of rows with another label than at full depth, at most `limit`
  label_change,  // multi-label: mean share of the labels that differ from full depth's, at most `limit`; so
                 // the Hamming loss rises by no more
  score_change,  // regression: mean distance from the score at full depth, at most `limit`
  speedup,       // layers at full depth / mean exit layer, at least `limit`
};

struct TuneGoal {
  GoalKind kind = GoalKind::accuracy_drop;
  double limit = 0.01;
  double confidence = 0;  // of the promise, below 1; 0: no promise, the best setting on these rows
  double score_low = 0, score_high = 1;  // score_change: scores are cut to this range
};

// A policy that was tried, with means over the rows on which it was tried.
struct TuneTrial {
  ExitPolicy policy;
  double risk = 0;  // the number that `limit` bounds: drop, share, mean distance or speed-up
  // accuracy_drop: rows that were right at full depth and are wrong now, and the reverse.
  // disagreement: rows that disagree, and 0.
  int64_t losses = 0, gains = 0;
  double mean_layer = 0;
  double agreement = 0;  // share of labels as at full depth; regression: 1 - mean distance / range
  double accuracy = 0;   // if there are labels
  double p_value = 1;    // of "the goal is missed"; not set without a confidence
  bool passed = false;
};

struct TuneResult {
  int64_t rows = 0;               // on which the policies were tried
  std::vector<TuneTrial> trials;  // in the order of testing
  int64_t chosen = -1;            // into `trials`; -1: none keeps the goal
  double level = 0;               // of each test: 1 - confidence, divided among families
  // The smallest number of rows with which the promise could be made if nothing went wrong in any of
  // them; 0: more than ten million.
  int64_t rows_needed = 0;
};

// Policies of one kind in a fixed order, from one that never leaves early to the most eager. They are like
// `form` but for 400 thresholds, which depend only on the kind, the number of labels and the weights of
// exits; or every patience; or every exit. Of the table only its exits and labels are looked at.
std::vector<ExitPolicy> policy_family(const ExitPolicy& form, const ExitTable& table);
// `value_threshold`: for the patience of a regression.
std::vector<ExitPolicy> policy_family(PolicyKind kind, const ExitTable& table,
                                      int64_t exit_start = 1, double value_threshold = 0);

// Thresholds that separate the scores of the exits: `count` quantiles of the scores at exit `exit` (-1:
// at all exits before the last), each in as few digits as possible. With the first no row leaves, with
// the last all do.
std::vector<double> quantile_thresholds(const ExitTable& table, PolicyKind kind, int64_t count,
                                        int64_t exit = -1);

// The same for the sums of policy evidence with the weights of `form`, largest threshold first.
std::vector<double> evidence_thresholds(const ExitTable& table, const ExitPolicy& form,
                                        int64_t count);

// The weight of each layer's exit for policy evidence, the last left out: its accuracy on these rows, to four
// digits. Without gold, the share of its labels that are those of full depth.
std::vector<double> estimated_weights(const ExitTable& table, std::span<const int64_t> gold);

// The cost of each exit for each row under the goal, [rows, E]: accuracy_drop -1, 0 or 1; disagreement 0
// or 1; score_change 0 to 1, as a share of the range; speedup 0 to 1, as a share of the depth.
//   gold: [rows], only for accuracy_drop.
//   labels: [rows, E] that rows get if they leave there (labels_by_exit); empty: the exits' own.
std::vector<float> exit_losses(const ExitTable& table, const TuneGoal& goal,
                               std::span<const int64_t> gold, std::span<const int32_t> labels = {});

// Thresholds for each layer, found by a search on `table`: a path of policies that begins with one that
// never leaves early. Each is more eager than the one before it in one layer, the one where this costs
// the least `loss` (exit_losses) for the layers that it saves. The path must be tested on other rows.
std::vector<ExitPolicy> per_layer_path(const ExitTable& table, std::span<const float> loss,
                                       PolicyKind kind, int64_t exit_start = 1);

// With more rows the search takes longer and finds little more.
inline int64_t search_rows_enough(int64_t exits) { return 60'000 / exits; }

// Tests `sequence` (safest first, fixed beforehand) in order on `table`, each at `level`, until the first
// that fails, and chooses one of those that passed (choose_trial). A speed-up is tested from the most
// eager on. With goal.confidence 0 nothing is tested: all are tried, and those that keep the goal on
// these rows have passed.
//   gold: [rows], or empty; accuracy_drop needs it.
//   windows: of long texts, whose windows are the rows of `table`; gold is then [texts].
TuneResult calibrate(const ExitTable& table, std::span<const int64_t> gold, const TuneGoal& goal,
                     std::span<const ExitPolicy> sequence, double level,
                     const TextWindows& windows = {});

// The rule for every choice between settings that passed, in one family and among families: is `a`
// to be chosen instead of `b`, which was tried before it? A goal of quality takes the one that
// saves more layers, and of equals the one of better quality: accuracy if `labelled`, else
// agreement. A speed-up takes the one of better quality, and of equals the one that saves more
// layers. If both are equal, the one that was tried first stays.
bool is_better(const TuneGoal& goal, bool labelled, const TuneTrial& a, const TuneTrial& b);

// The best of the trials that passed, by is_better, as an index; -1: none passed.
int64_t choose_trial(std::span<const TuneTrial> trials, const TuneGoal& goal, bool labelled);

// The settings of one policy, as they were tried.
struct TuneFamily {
  std::string name;     // "entropy", "entropy-by-layer"
  int64_t offered = 0;  // the number of settings in the sequence
  TuneResult result;
};

// The index of the family whose chosen setting is best by is_better; -1: none keeps the goal. A setting that never
// leaves before the last of `layers` layers keeps every goal but a speed-up and saves nothing, so it is
// not chosen.
int64_t choose_family(std::span<const TuneFamily> families, const TuneGoal& goal, bool labelled,
                      int64_t layers);

// The rows on which settings are tested, and those on which thresholds for each layer are searched and the
// weights of exits estimated.
struct TuneRows {
  ExitTable test, search;
  std::vector<int64_t> gold, search_gold;  // [texts], [rows of `search`]
  std::vector<int64_t> first_window;       // of `test` (TextWindows)
  WindowJoin join = WindowJoin::mean;
  int64_t search_rows = 0;  // not used for tests; of many the search uses a part

  int64_t test_rows() const {
    return first_window.empty() ? test.rows() : static_cast<int64_t>(first_window.size()) - 1;
  }
  TextWindows windows() const { return {first_window, join}; }
};

// Whether a curve needs rows to search on.
bool needs_search(std::span<const Curve> curves);

// share: the part of the rows for the search; 0: all rows are for tests. Of long texts (windows) all windows go
// where their text goes; gold is [texts], and each window searched on has its text's.
TuneRows split_for_search(const ExitTable& table, std::span<const int64_t> gold, double share,
                          uint64_t seed, const TextWindows& windows = {});

// The settings of a curve, safest first: those of policy_family, with weights of exits as they are on the
// rows to search on; or thresholds for each layer, found by a search with the losses of the goal.
std::vector<ExitPolicy> tune_sequence(const TuneRows& rows, const TuneGoal& goal,
                                      const Curve& curve, int64_t exit_start,
                                      double value_threshold);

// The curves to choose from: those that `names` lists (parse_curve), else the one of the usual policy
// (usual_policy). by_layer: with a threshold for each layer. form: the patience of those that name none (0:
// 2), and whether they average. Throws Error(usage) for what the model cannot run, and for `never`, which
// leaves nothing to choose.
std::vector<Curve> tune_curves(std::string_view names, bool by_layer, int64_t exit_start,
                               const ModelExits& model, const ExitPolicy& own,
                               const CurveForm& form = {});

// Tries single settings, each a family of its own. They share the error that goal.confidence allows.
std::vector<TuneFamily> tune_points(const TuneRows& rows, const TuneGoal& goal,
                                    std::span<const ExitPolicy> points);

// Tries the settings of all curves (tune_sequence, calibrate). The curves share the error that
// goal.confidence allows.
std::vector<TuneFamily> tune_families(const TuneRows& rows, const TuneGoal& goal,
                                      std::span<const Curve> curves, int64_t exit_start,
                                      double value_threshold);

struct BudgetChoice {
  int64_t chosen = -1;  // into the sequence; -1: not even its last setting keeps the budget
  double ms = 0;        // time of the chosen setting, else of the last one
};

// The first setting of `sequence` (safest first) that takes at most budget_ms. As for a speed-up,
// quality decides among those that keep the goal, and it falls along the sequence. Time falls too,
// so the setting is found by halving: measure(policy) is called about log2(settings) times, and
// never twice for one setting.
BudgetChoice meet_budget(std::span<const ExitPolicy> sequence, double budget_ms,
                         const std::function<double(const ExitPolicy&)>& measure);

// The label of each window: that of its text. first: as in TextWindows. Empty if gold is.
std::vector<int64_t> gold_of_windows(std::span<const int64_t> gold, std::span<const int64_t> first);

// The entries of `gold` for these rows, in this order; empty if gold is.
std::vector<int64_t> select_gold(std::span<const int64_t> gold, std::span<const int64_t> rows);

// Splits the numbers of rows at random, by `seed`, into two lists in ascending order. share: the part for
// the first.
void split_rows(int64_t rows, double share, uint64_t seed, std::vector<int64_t>* first,
                std::vector<int64_t>* second);

}  // namespace costeff
