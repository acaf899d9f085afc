#pragma once

// What a sweep found: the settings of one model on one data set, judged.

#include <costeff/curve.h>
#include <costeff/exit_table.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tasks/judge/intervals.h"
#include "tasks/judge/metrics.h"
#include "tasks/judge/set_metrics.h"

namespace costeff::tasks {

// The wall time of whole passes in which rows really leave early.
struct SweepTiming {
  int64_t batch_tokens = 0;
  std::vector<double> seconds;                                     // of each pass
  double rows_per_s = 0, rows_per_s_low = 0, rows_per_s_high = 0;  // median, slowest, fastest
  double speedup = 0;  // against full depth: the median of the ratios within each round
};

// The wall time of single rows, each given as soon as the one before is answered.
struct Latency {
  int64_t rows = 0;
  double p50_ms = 0, p99_ms = 0;
};

struct SweepPoint {
  // Set by the caller:
  ExitPolicy policy;
  std::string family;   // points of one curve: "entropy", "entropy-by-layer", "fixed", "given", ...
  std::string name;     // of the policy
  std::string setting;  // "0.4"; "0.3,0.2,0.1"; patience, layer
  std::string text;     // "entropy < 0.4"
  std::string flags;    // "--point entropy:0.4": for costeff tune; empty: it has no such form
  bool fitted = false;  // its thresholds or weights were found on the very rows that judge it
  // Set by SweepEvaluator:
  double quality = 0;        // accuracy (of sets); without labels agreement; regression: Pearson
  Interval interval;         // of the quality, 95%, exact binomial; NaN for a regression
  double change = 0;         // quality minus that of full depth
  Interval change_interval;  // of it, 95%; NaN for a regression
  int64_t losses = 0, gains = 0;  // rows right only at full depth, and only here
  double spearman = 0;            // regression
  double agreement = 0;  // share of rows with the label of full depth; regression: mean distance
  double mean_layer = 0, layers_saved = 0, speedup_layers = 0;
  double macs = 0, speedup_macs = 0;  // a row, with the off-ramps that are asked
  std::vector<int64_t> histogram;     // [L] rows that leave after layer i + 1
  bool pareto = false;                // no other point is at least as good and costs fewer MACs
  std::vector<SweepTiming> timings;
  std::optional<Latency> latency;
};

// The answers whose probability is in (low, high].
struct ReliabilityBin {
  double low = 0, high = 0;
  int64_t rows = 0, right = 0;
  double mean_prob = 0;
};

// How well an order of the answers, surest first, puts the wrong ones last. The area under the
// risk-coverage curve (Geifman and El-Yaniv 2017): the share of wrong answers among the surest k, averaged
// over all k.
struct RiskCoverage {
  double area = 0;
  double best = 0;    // if all wrong answers came last
  double random = 0;  // in an order that knows nothing: the share of wrong answers
};

struct ExitSummary {
  int64_t layer = 0;
  double quality = 0;  // as in SweepPoint, if all rows left here
  Interval interval;
  double mean_entropy = 0;
  double ece = 0;     // expected calibration error: mean |accuracy - probability| over the bins
  RiskCoverage risk;  // by entropy
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

// Which answers a setting gives to rows of which label.
struct AnswerCounts {
  size_t point = 0;
  Confusion confusion{0};             // single label
  std::vector<LabelCounts> by_label;  // [C] one label against the rest
};

// The setting to take: of those that are within the noise of full depth and lose at most `allowed`, the one
// that saves most.
struct Verdict {
  static constexpr double kAllowed = 0.01;
  int64_t point = 0;  // into SweepReport::points; 0: full depth, as nothing else will do
};

// Where the numbers come from.
struct Provenance {
  std::string version, date, command;  // date: ISO 8601, UTC
  std::string dtype, kernels, cpu;
  std::string fingerprint;  // of the texts: 16 hexadecimal digits
};

struct SweepReport {
  std::string model, dialect, data, task, quality_name;  // "accuracy", "agreement", "pearson"
  std::vector<std::string> labels;
  LabelSets label_sets;  // multi-label
  ProblemType problem = ProblemType::single_label;
  std::vector<double> label_thresholds;  // multi-label; empty: 0.5
  bool labelled = false;
  std::string
      windows;  // how long texts were read: "windows that share 64 tokens, joined by mean"; empty: cut
  std::optional<ExitPolicy> own;  // the model's exit_policy.json
  int64_t rows = 0, tokens = 0, layers = 0, threads = 0;
  int64_t parameters = 0;
  double pass_seconds = 0;         // the pass that computed every exit
  double sweep_seconds = 0;        // all points
  double full_macs = 0;            // a row, the last classifier alone
  bool searched = false;           // thresholds by layer were searched on these very rows
  bool weighed = false;            // exit weights were estimated on these very rows
  std::vector<SweepPoint> points;  // the first is full depth
  std::vector<ExitSummary> exits;
  Verdict verdict;
  std::vector<AnswerCounts> answers;  // of full depth and the recommended setting
  std::vector<Disagreement> disagreements;
  int64_t disagreeing_rows = 0;  // `disagreements` has some of them
  Provenance provenance;
  std::string
      tune_command;  // writes a setting to exit_policy.json, with the point's flags after it
};

// The name of an answer, for multi-label models "joy|anger" or "".
std::string answer_name(const SweepReport& report, int64_t label);

// The command that writes the point to the model; "" for one that has none, and for full depth.
std::string command_of(const SweepReport& report, size_t point);

// Whether the point is the model's own policy. Without exit_policy.json that is full depth.
bool is_own(const SweepReport& report, const SweepPoint& point);

}  // namespace costeff::tasks
