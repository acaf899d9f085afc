#pragma once

// An evaluation as text of 80 columns, as TSV and as JSON.

#include <string>
#include <vector>

#include "tasks/judge/evaluation.h"
#include "tasks/read/data_sets.h"

namespace costeff::tasks {

// A policy, or all rows leaving by one exit.
struct EvalPoint {
  bool is_exit = false;
  std::string policy;   // "entropy"
  std::string setting;  // "0.1", "0.3,0.2,0.1"; patience: N; fixed: K; never: ""
  std::string text;     // "entropy < 0.1", "exit 3"
  int64_t exit_start = 1;
  Score score;
  double seconds = kNaN;  // measured; NaN: not asked for
};

struct EvalReport {
  std::string model, dialect;
  int64_t num_layers = 0;
  DataSet data;
  LabelMap labels;
  int64_t rows = 0, tokens = 0, threads = 0;
  int64_t skipped = 0;  // rows that were left out (--bad-rows skip); if any, JSON has skipped_rows
  double seconds = 0;   // of the pass that computed every exit
  BootstrapOptions bootstrap;
  std::vector<EvalPoint> points, exits;
};

// TSV: one line a point, points before exits. Scripts may rely on these columns; new ones come
// after them. A number that does not exist is nan.
//   data task kind policy setting layer rows
//   accuracy accuracy_low accuracy_high, and so f1, macro_f1, matthews, pearson, spearman
//   mean_exit_layer layers_saved speedup_layers macs speedup_macs mean_entropy seconds
//   exit_histogram
// and for multi-label models after these subset_accuracy, micro_f1, sample_f1, hamming_loss, likewise.
// kind is policy or exit; exit_histogram counts rows by layer: 33,90,111.
std::string eval_tsv_header(ProblemType problem);
void append_eval_tsv(const EvalReport& report, std::string* out);

// {"model", "evaluations": [{"data", "task", "rows", ..., "policies": [...], "exits": [...]}]}.
// A number that does not exist is null.
std::string eval_json(const std::vector<EvalReport>& reports);

void append_eval_text(const EvalReport& report, std::string* out);

}  // namespace costeff::tasks
