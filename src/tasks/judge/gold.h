#pragma once

// From the label that a file writes to the class a model counts, or to a score.

#include <costeff/engine.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasks/judge/task_table.h"

namespace costeff::tasks {

struct LabelMap {
  bool regression = false;
  int64_t num_labels = 0;
  std::vector<std::string> names;  // [C] of the model's classes, as they are printed
  int64_t positive = 1;            // the class that F1 is about: label 1 of the task
  // The task's number of each class (Task::labels), [C]; without a task the class itself.
  std::vector<int64_t> task_label;
  // The order was not stated by the model's names or by a flag; another one may be right.
  bool guessed = false;
  std::string note;  // one line: which class is which, and how we know
  std::vector<std::pair<std::string, int64_t>> spellings;  // text of a label -> class
};

// What find_label_map decides from.
struct LabelSource {
  const Task* task = nullptr;
  std::span<const std::string> model_labels;  // [C] id2label, or LABEL_0, LABEL_1, ...
  bool regression = false;
  bool roberta = false;     // RoBERTa's family: its MNLI models count the labels otherwise
  std::string label_order;  // --label-order a,b,c: names of the classes 0, 1, 2; empty: not given
};
LabelSource label_source(const ModelInfo& model, const Task* task, const std::string& label_order);

// Which class is which:
//   1. label_order, if given;
//   2. the model's own names, where they are the task's or common spellings of them;
//   3. names that say nothing (LABEL_0) or are not the task's: the order the task's models are
//      trained with. MNLI, AX: contradiction, entailment, neutral; RoBERTa's family contradiction,
//      neutral, entailment. Others: as the files count (Task::labels).
// Texts that are understood: the names, their common spellings ("pos", "entails"), numbers (as the
// task's files count; without a task the model's classes), true and false. Case, '-' and blanks do
// not matter. Throws Error(usage) where task and model do not fit.
LabelMap find_label_map(const LabelSource& source);
inline LabelMap find_label_map(const Task* task, std::span<const std::string> model_labels,
                               bool regression, bool roberta = false,
                               const std::string& label_order = "") {
  return find_label_map({task, model_labels, regression, roberta, label_order});
}

struct GoldLabel {
  int64_t label = -1;  // the model's class, from 0; regression: -1
  double score = 0;    // regression
};

// Throws Error(input), "dev.tsv:7: label "maybe" is not known, expected ...", for a text that is no
// label, and for none.
GoldLabel parse_gold(const LabelMap& map, const Example& row);

// The task that data and model are about, where no flag says it.
struct FoundTask {
  const Task* task = nullptr;  // null: none of those we know
  std::string from;            // how we know: "from the directory's name", ...
  bool columns = false;        // the file is of the task: its columns are too
};
// By the path (".../SST-2/dev.tsv", "mrpc_dev.tsv"), else by the first line's column names, else by
// config.json's finetuning_task. Reads at most the first line of the file; "-" is not read.
FoundTask guess_task(const std::string& path, const ModelInfo& model);
// A task's name, or the names of parts and copies: "mnli-mm", "sst2", "diagnostic". Null: none.
const Task* maybe_task(std::string_view name);

}  // namespace costeff::tasks
