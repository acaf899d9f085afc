#pragma once

// The accuracy-speed curve of a model on data: any number of exit policies, evaluated exactly from
// one pass that computed every exit.

#include <costeff/curve.h>
#include <costeff/engine.h>
#include <costeff/exit_table.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tasks/judge/evaluation.h"
#include "tasks/judge/intervals.h"

namespace costeff::tasks {

// The wall time of whole passes in which rows really leave early.
struct SweepTiming {
  int64_t batch_tokens = 0;
  std::vector<double> seconds;                                     // of each pass
  double rows_per_s = 0, rows_per_s_low = 0, rows_per_s_high = 0;  // median, slowest, fastest
  double speedup = 0;  // against full depth: the median of the ratios within each round
};

struct SweepPoint {
  // Set by the caller:
  ExitPolicy policy;
  std::string family;   // points of one curve: "entropy", "entropy-by-layer", "fixed", "given", ...
  std::string name;     // of the policy
  std::string setting;  // "0.4"; "0.3,0.2,0.1"; patience, layer
  std::string text;     // "entropy < 0.4"
  // Set by SweepEvaluator:
  double quality = 0;    // accuracy (of sets); without labels agreement; regression: Pearson
  Interval interval;     // of the quality, 95%, exact binomial; NaN for a regression
  double spearman = 0;   // regression
  double agreement = 0;  // share of rows with the label of full depth; regression: mean distance
  double mean_layer = 0, layers_saved = 0, speedup_layers = 0;
  double macs = 0, speedup_macs = 0;  // a row, with the off-ramps that are asked
  std::vector<int64_t> histogram;     // [L] rows that leave after layer i + 1
  bool pareto = false;                // no other point is at least as good and costs fewer MACs
  std::vector<SweepTiming> timings;
};

// The point of a setting, not evaluated yet.
SweepPoint sweep_point(const CurveSetting& setting);

// The answers whose probability is in (low, high].
struct ReliabilityBin {
  double low = 0, high = 0;
  int64_t rows = 0, right = 0;
  double mean_prob = 0;
};

struct ExitSummary {
  int64_t layer = 0;
  double quality = 0;  // as in SweepPoint, if all rows left here
  Interval interval;
  double mean_entropy = 0;
  double ece = 0;  // expected calibration error: mean |accuracy - probability| over the bins
  std::vector<ReliabilityBin> bins;
};

// A row to which an early exit and the last one give different answers.
struct Disagreement {
  std::string id, text, pair, gold;
  int64_t row = 0;  // from 0
  int64_t layer = 0;
  int64_t early_label = 0, last_label = 0;  // as in ExitTable: answer_name()
  float early_prob = 0, last_prob = 0;
};

struct SweepReport {
  std::string model, dialect, data, task, quality_name;  // "accuracy", "agreement", "pearson"
  std::vector<std::string> labels;
  LabelSets label_sets;  // multi-label
  ProblemType problem = ProblemType::single_label;
  bool labelled = false;
  int64_t rows = 0, tokens = 0, layers = 0, threads = 0;
  double pass_seconds = 0;   // the pass that computed every exit
  double sweep_seconds = 0;  // all points
  double full_macs = 0;      // a row, the last classifier alone
  bool searched = false;     // thresholds by layer were searched on these very rows
  bool weighed = false;      // exit weights were estimated on these very rows
  std::vector<SweepPoint> points;
  std::vector<ExitSummary> exits;
  std::vector<Disagreement> disagreements;
  int64_t disagreeing_rows = 0;  // `disagreements` has some of them
};

// The name of an answer, for multi-label models "joy|anger" or "".
std::string answer_name(const SweepReport& report, int64_t label);
// "accuracy", ...: what such answers are judged by.
std::string quality_name(ProblemType problem, bool labelled);

// Evaluates points one after the other; what they share is computed once. data and model must
// outlive it.
class SweepEvaluator {
 public:
  SweepEvaluator(const Evaluated& data, const ModelInfo& model);
  void evaluate(SweepPoint* point);
  ExitSummary exit_summary(int64_t exit) const;
  double full_macs() const { return full_macs_; }

 private:
  struct Costs {
    bool adaptive = false;
    int64_t exit_start = 1;
    std::vector<double> macs;  // [rows, E]
  };
  const std::vector<double>& costs(const ExitPolicy& policy);
  const std::vector<int32_t>& answers(const ExitPolicy& policy);
  Interval interval_of(int64_t right);
  bool is_right(int32_t label, int64_t row) const;

  const Evaluated& data_;
  const ModelInfo& model_;
  double full_macs_ = 0;
  std::vector<Costs> costs_;
  std::vector<std::optional<Interval>> intervals_;  // [rows + 1] by the number of right answers
  std::vector<int32_t> exits_;
  std::vector<int32_t> averaged_;  // [rows, E] labels of averages of so many exits
  int64_t averaged_exits_ = 0;
  std::vector<double> values_;
};

// Sets SweepPoint::pareto.
void mark_pareto(std::vector<SweepPoint>* points);

// Keeps the surest early answers that the last exit does not agree with, for at most `limit` rows
// an exit, while the rows go by. Texts are cut.
class DisagreementKeeper {
 public:
  explicit DisagreementKeeper(int64_t limit) : limit_(limit) {}
  // table: what every exit answers to the rows given so far, these too.
  void add(std::span<const Example> rows, const ExitTable& table);
  // Removes and returns at most `limit` rows, surest first, each with its surest exit.
  std::vector<Disagreement> take();
  int64_t rows() const { return disagreeing_; }  // all that disagree

 private:
  int64_t limit_, seen_ = 0, disagreeing_ = 0;
  std::vector<std::vector<Disagreement>> by_exit_;  // heaps, the least sure on top
};

// Computes the other members from `seconds`. full[i]: the seconds of full depth in the same round.
void finish_timing(int64_t rows, std::span<const double> full, SweepTiming* timing);

// About `count` points that are worth timing or showing: the cheapest and the dearest of the front
// and some between them, evenly by MACs. Indices into points, by rising cost.
std::vector<size_t> pick_points(const std::vector<SweepPoint>& points, size_t count);

}  // namespace costeff::tasks
