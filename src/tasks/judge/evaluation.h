#pragma once

// Evaluates a model on labelled data: metrics, exits and cost of any number of exit policies, all
// from one pass that computed every exit.

#include <costeff/engine.h>
#include <costeff/exit_table.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tasks/judge/gold.h"
#include "tasks/judge/intervals.h"
#include "tasks/judge/metrics.h"
#include "tasks/judge/set_metrics.h"

namespace costeff::tasks {

// Labelled rows and what every exit answered.
struct Evaluated {
  ExitTable table;
  // [rows] the model's classes; multi-label: numbers in table.label_sets; empty: regression
  std::vector<int32_t> labels;
  std::vector<double> scores;  // [rows] regression; else empty
  // Of long texts: row i has the rows [first_window[i], first_window[i + 1]) of the table, one for each of
  // its windows. Empty: each row is one of the table.
  std::vector<int64_t> first_window;
  WindowJoin join = WindowJoin::mean;
  int64_t pad_to = 0;  // a row counts at least this many tokens (RunOptions::pad_to)
};

// Appends the labels or scores of rows. Throws Error(input) for a label that is not known.
void append_gold(const LabelMap& map, std::span<const Example> rows, Evaluated* to);

struct MetricValue {
  Metric metric = Metric::accuracy;
  double value = 0;  // NaN if it is undefined
  Interval interval;
  bool exact = false;  // Clopper-Pearson; else bootstrap
};

// One policy, or one exit.
struct Score {
  std::vector<MetricValue> metrics;
  Confusion confusion{0};               // gold by answer; no classes for a regression, multi-label
  std::vector<LabelCounts> by_label;    // [C] multi-label
  std::vector<int64_t> exit_histogram;  // [L] rows that leave after layer i + 1
  double mean_exit_layer = 0;
  double layers_saved = 0;    // DeeBERT: 1 - sum of exit layers / (N L)
  double speedup_layers = 0;  // COST-EFF: N L / sum of exit layers
  double macs = 0;            // multiply-accumulates a row, with the off-ramps that are asked
  double speedup_macs = 0;    // those of the last classifier alone, over `macs`
  double mean_entropy = 0;    // nats, of the exits that rows leave by; NaN for a regression
};

struct ScoreOptions {
  std::vector<Metric> metrics;  // the first is the headline
  int64_t positive = 1;         // class that F1 is about
  BootstrapOptions bootstrap;
};

// The metrics of a task. Without a task: accuracy, F1 (two classes) or macro F1, Matthews; for a
// regression Pearson and Spearman; for a multi-label model those of sets.
std::vector<Metric> default_metrics(const Task* task, const ModelInfo& model);

// Scores `policy` by what Engine::run would answer with it. Throws Error(usage) if it does not fit
// the model.
Score score_policy(const Evaluated& data, const ModelInfo& model, const ExitPolicy& policy,
                   const ScoreOptions& options);

// The multiply-accumulates of a row that leaves at exit_layer under the policy. Off-ramps count
// only if they are asked.
int64_t policy_macs(const ModelInfo& model, const ExitPolicy& policy, int64_t tokens,
                    int64_t exit_layer);

// Another meaning of the classes, under which the answers would be clearly better: the order was
// probably guessed wrong.
struct BetterOrder {
  std::vector<std::string> names;  // [C] the task's name for each class
  double accuracy = 0;
};
// None if the order was not guessed, or no other is clearly better.
std::optional<BetterOrder> better_order(const LabelMap& map, const Confusion& confusion);

}  // namespace costeff::tasks
