#pragma once

// An evaluation on questions (SQuAD) as text, TSV and JSON.

#include <string>
#include <vector>

#include "tasks/judge/intervals.h"
#include "tasks/judge/squad_metrics.h"
#include "tasks/read/data_sets.h"

namespace costeff::tasks {

struct QaReport {
  std::string model;
  DataSet data;
  bool version_2 = false;
  std::vector<AnswerScore> scores;  // [rows]
  std::vector<uint8_t> answerable;  // [rows] 1: there is a gold answer
  int64_t windows = 0;
  double seconds = 0;
  BootstrapOptions bootstrap;
};

// TSV: data task part rows exact exact_low exact_high f1 f1_low f1_high windows seconds. part is
// all, and for version 2 also has_answer and no_answer. The interval of exact is Clopper-Pearson,
// that of F1 bootstrap.
std::string qa_eval_tsv_header();
void append_qa_eval_tsv(const QaReport& report, std::string* out);
std::string qa_eval_json(const std::vector<QaReport>& reports);
void append_qa_eval_text(const QaReport& report, std::string* out);

}  // namespace costeff::tasks
