#pragma once

// A run of training: what was planned, what was seen of it, and what came of it.

#include <costeff/train.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tasks/sweep/sweep.h"

namespace costeff::tasks {

struct TrainReport {
  std::string backbone, out;
  const Recipe* recipe = nullptr;
  std::vector<std::string> data, dev;  // files; dev empty: dev_from says what is judged by
  std::string dev_from;                // "a tenth of the rows"
  std::string task;                    // empty: none
  std::string metric;                  // "accuracy"
  bool is_share = true;                // the metric is shown in percent
  std::vector<std::string> labels;     // empty: regression
  std::string label_note;              // which rule decided what the labels are
  TrainPlan plan;
  double estimated_s = -1;  // of the whole run; -1: not estimated

  // By step of the run, counted over all stages.
  std::vector<std::pair<int64_t, double>> losses;
  std::vector<TrainEvaluation> evaluations;
  double seconds = 0;
  std::optional<TrainResult> result;
  std::optional<SweepReport> curve;  // of the written model on the rows it was judged by
};

// The number of a step counted over all stages.
int64_t step_of_run(const TrainPlan& plan, int64_t stage, int64_t step);

// "layer 6", or "mean" over the exits: what TrainEvaluation::score is.
std::string score_name(const TrainReport& report);

// Parts of a plan: a table of stages, and what they hold in memory; each begins with an empty line.
std::string stages_text(const TrainPlan& plan);
std::string memory_text(const TrainMemory& memory);

// What will be done, for --dry-run; lines of at most 80 columns, but for long names.
std::string train_plan_text(const TrainReport& report);

// The table of evaluations, which is printed line by line: at most 80 columns, lines end in \n.
//   stage step epoch loss, the metric at the first, middle and last exit, score, * (best so far)
std::string evaluation_header(const TrainReport& report);
std::string evaluation_line(const TrainReport& report, const TrainEvaluation& evaluation);

// "off-ramps 1,200/6,315  loss 0.4312  lr 1.9e-05  1234 rows/s  12:05 left"
std::string train_progress(const TrainPlan& plan, const TrainStep& step, double rows_per_s);

// What was written, and the evaluation that it is of: one line.
std::string train_end_text(const TrainReport& report);

// "45 s", "12 min", "2.5 h"; "512 KB", "1.6 GB" (powers of 1000).
std::string duration_text(double seconds);
std::string bytes_text(int64_t bytes);

}  // namespace costeff::tasks
