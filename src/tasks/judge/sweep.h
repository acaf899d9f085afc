#pragma once

// The whole accuracy-speed curve of a model on data: any number of exit policies, judged exactly
// from one pass that computed every exit.

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

// Wall time of whole passes that leave early in earnest.
struct SweepTiming {
  int64_t batch_tokens = 0;
  std::vector<double> seconds;                                     // a pass each
  double rows_per_s = 0, rows_per_s_low = 0, rows_per_s_high = 0;  // median, slowest, fastest
  double speedup = 0;  // against full depth: median of the ratios within one round
};

struct SweepPoint {
  // Set by whoever asks:
  ExitPolicy policy;
  std::string family;   // points of one curve: "entropy", "entropy-by-layer", "fixed", "given", ...
  std::string name;     // of the policy
  std::string setting;  // "0.4"; "0.3,0.2,0.1"; patience, layer
  std::string text;     // "entropy < 0.4"
  // Judged:
  double quality = 0;    // accuracy; without labels agreement; regression: Pearson
  Interval interval;     // of the quality, 95%, exact binomial; NaN for a regression
  double spearman = 0;   // regression
  double agreement = 0;  // share of rows with the label of full depth; regression: mean distance
  double mean_layer = 0, layers_saved = 0, speedup_layers = 0;
  double macs = 0, speedup_macs = 0;  // a row; off-ramps that are asked included
  std::vector<int64_t> histogram;     // [L] rows that leave after layer i + 1
  bool pareto = false;                // no other point is at least as good and costs fewer MACs
  std::vector<SweepTiming> timings;
};

// Answers whose probability lies in (low, high].
struct ReliabilityBin {
  double low = 0, high = 0;
  int64_t rows = 0, right = 0;
  double mean_prob = 0;
};

struct ExitSummary {
  int64_t layer = 0;
  double quality = 0;  // as SweepPoint's, if all rows left here
  Interval interval;
  double mean_entropy = 0;
  double ece = 0;  // expected calibration error: mean |accuracy - probability| over the bins
  std::vector<ReliabilityBin> bins;
};

// A row that an early exit and the last answer differently.
struct Disagreement {
  std::string id, text, pair, gold;
  int64_t row = 0;  // from 0
  int64_t layer = 0;
  int64_t early_label = 0, last_label = 0;
  float early_prob = 0, last_prob = 0;
};

struct SweepReport {
  std::string model, dialect, data, task, quality_name;  // "accuracy", "agreement", "pearson"
  std::vector<std::string> labels;
  bool regression = false, labelled = false;
  int64_t rows = 0, tokens = 0, layers = 0, threads = 0;
  double pass_seconds = 0;   // the pass that computed every exit
  double sweep_seconds = 0;  // all points
  double full_macs = 0;      // a row, the last classifier alone
  bool searched = false;     // thresholds a layer were searched on these very rows
  std::vector<SweepPoint> points;
  std::vector<ExitSummary> exits;
  std::vector<Disagreement> disagreements;
  int64_t disagreeing_rows = 0;  // of which disagreements shows some
};

// Judges points one after the other; what they share is computed once.
class SweepJudge {
 public:
  SweepJudge(const Evaluated& data, const ModelInfo& model);
  void judge(SweepPoint* point);
  ExitSummary exit_summary(int64_t exit) const;
  double full_macs() const { return full_macs_; }

 private:
  struct Costs {
    bool adaptive = false;
    int64_t exit_start = 1;
    std::vector<double> macs;  // [rows, E]
  };
  const std::vector<double>& costs(const ExitPolicy& policy);
  Interval interval_of(int64_t right);
  bool is_right(size_t at, int64_t row) const;

  const Evaluated& data_;
  const ModelInfo& model_;
  double full_macs_ = 0;
  std::vector<Costs> costs_;
  std::vector<std::optional<Interval>> intervals_;  // [rows + 1] by rows that are right
  std::vector<int32_t> exits_;
  std::vector<double> values_;
};

void mark_pareto(std::vector<SweepPoint>* points);

// The surest early answers that the last exit takes back: remembers at most `most` rows an exit
// while the rows go by. Texts are cut.
class DisagreementKeeper {
 public:
  explicit DisagreementKeeper(int64_t most) : most_(most) {}
  void add(std::span<const Example> rows, std::span<const Result> results);
  // At most `most` rows, surest first, each with the exit that was surest.
  std::vector<Disagreement> take();
  int64_t rows() const { return disagreeing_; }

 private:
  int64_t most_, seen_ = 0, disagreeing_ = 0;
  std::vector<std::vector<Disagreement>> by_exit_;  // heaps, the least sure on top
};

// Fills the derived members from `seconds`; full[i]: seconds of full depth in the same round.
void finish_timing(int64_t rows, std::span<const double> full, SweepTiming* timing);

// About `count` points that are worth timing or showing: the first, the last and some of the front
// between them, evenly by MACs. Indices into points, by rising cost.
std::vector<size_t> pick_points(const std::vector<SweepPoint>& points, size_t count);

}  // namespace costeff::tasks
