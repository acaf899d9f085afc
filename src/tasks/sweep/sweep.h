#pragma once

// The accuracy-speed curve of a model on data: any number of exit policies, evaluated exactly from
// one pass that computed every exit.

#include <costeff/curve.h>
#include <costeff/engine.h>
#include <costeff/exit_table.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tasks/judge/evaluation.h"
#include "tasks/sweep/report.h"

namespace costeff::tasks {

// The point of a setting, not evaluated yet.
SweepPoint sweep_point(const CurveSetting& setting);

// "accuracy", ...: what such answers are judged by.
std::string quality_name(ProblemType problem, bool labelled);

// The answers to rows whose windows leave by their own exits count by text (Evaluated::first_window). The label
// of each row of the table, to choose settings by: that of its text. Empty without labels.
std::vector<int64_t> gold_of_table(const Evaluated& data);

// Evaluates points one after the other; what they share is computed once. data and model must
// outlive it.
class SweepEvaluator {
 public:
  SweepEvaluator(const Evaluated& data, const ModelInfo& model);
  void evaluate(SweepPoint* point);
  ExitSummary exit_summary(int64_t exit);
  // A classifier's answers, for rows with labels; without labels beside those of full depth.
  AnswerCounts answer_counts(const ExitPolicy& policy);
  // Rows to which an early exit and the last one give different answers.
  int64_t disagreeing_rows();
  double full_macs() const { return full_macs_; }  // a row
  int64_t rows() const { return rows_; }

 private:
  struct Costs {
    bool adaptive = false;
    int64_t exit_start = 1;
    std::vector<double> macs;  // [rows of the table, E]
  };
  struct Answer {
    int64_t label = 0, layer = 0;
    double value = 0;
  };
  const std::vector<double>& costs(const ExitPolicy& policy);
  const std::vector<int32_t>& labels_at_exits(const ExitPolicy& policy);
  void answer(const ExitPolicy& policy);
  std::vector<Decision> decisions_at(const ExitPolicy& policy) const;
  std::vector<Decision> decisions_at_exit(int64_t exit) const;
  double correlation_of(const std::vector<Decision>& decisions);
  Interval interval_of(int64_t right);
  int64_t truth(int64_t row) const;

  const Evaluated& data_;
  const ModelInfo& model_;
  int64_t rows_ = 0;
  double full_macs_ = 0, full_correlation_ = 0;  // the latter of a regression
  std::vector<Decision> full_;                   // [rows] the answers of full depth
  std::vector<Costs> costs_;
  std::vector<std::optional<Interval>> intervals_;  // [rows + 1] by the number of right answers
  std::vector<int32_t> exits_;                      // [rows of the table]
  std::vector<Answer> answers_;                     // [rows]
  double macs_ = 0;                                 // of all rows
  std::vector<int32_t> averaged_;  // [rows of the table, E] labels of averages of so many exits
  int64_t averaged_exits_ = 0;
  std::vector<double> values_;
};

}  // namespace costeff::tasks
