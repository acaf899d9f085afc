#pragma once

// Turns the label in a file into the model's class, or into a score.

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
  ProblemType problem = ProblemType::single_label;
  int64_t num_labels = 0;
  std::vector<std::string> names;  // [C] of the model's classes, as they are printed
  int64_t positive = 1;            // the class that F1 is about: label 1 of the task
  // [C] the task's number for each class (Task::labels); without a task the class itself.
  std::vector<int64_t> task_label;
  // Neither the model's names nor a flag state the order; another one may be right.
  bool guessed = false;
  bool numbers = true;  // labels may also be written as numbers
  std::string note;     // one line: which class is which, and how this is known
  std::string whose;    // for messages: " (--labels)"; empty: it need not be said
  std::vector<std::pair<std::string, int64_t>> spellings;  // text of a label -> class
};

// What find_label_map decides by.
struct LabelSource {
  const Task* task = nullptr;
  std::span<const std::string> model_labels;  // [C] id2label, or LABEL_0, LABEL_1, ...
  ProblemType problem = ProblemType::single_label;
  bool roberta = false;     // of RoBERTa's family, whose MNLI models count the labels otherwise
  std::string label_order;  // --label-order a,b,c: names of the classes 0, 1, 2; empty: not given
};
LabelSource label_source(const ModelInfo& model, const Task* task, const std::string& label_order);

// Which class is which:
//   1. label_order, if given;
//   2. the model's own names, if they are the task's or common spellings of them;
//   3. if the names say nothing (LABEL_0) or are not the task's: the order that models for the task
//      are trained with. MNLI, AX: contradiction, entailment, neutral; RoBERTa's family:
//      contradiction, neutral, entailment. Others: that of the files (Task::labels).
// Labels may be written as the names, their common spellings ("pos", "entails"), numbers (those of
// the task's files; without a task the model's classes), true and false. Case, '-' and blanks do
// not matter. Throws Error(usage) if task and model do not fit.
LabelMap find_label_map(const LabelSource& source);
inline LabelMap find_label_map(const Task* task, std::span<const std::string> model_labels,
                               ProblemType problem, bool roberta = false,
                               const std::string& label_order = "") {
  return find_label_map({task, model_labels, problem, roberta, label_order});
}

// "0 negative, 1 positive": at most six names, and how many there are.
std::string listed_labels(const std::vector<std::string>& names);

// "a,b,c": different names, none empty. Throws Error(usage) that begins with `flag`.
std::vector<std::string> parse_label_names(std::string_view flag, const std::string& text);

// The form in which labels are compared: in lower case, common spellings as one ("pos" is
// "positive"), whole numbers without a fraction ("1.0" is "1").
std::string label_key(std::string_view text);

// The class that a text names; -1: none.
int64_t find_label(const LabelMap& map, std::string_view text);
// Throws Error(input): this row's label is none of the map's.
[[noreturn]] void refuse_label(const LabelMap& map, const Example& row, std::string_view text);

struct GoldLabel {
  int64_t label = -1;           // the model's class, from 0; regression, multi-label: -1
  std::vector<int32_t> labels;  // multi-label: ascending
  double score = 0;             // regression
};

// The label of a row. Throws Error(input), "dev.tsv:7: label "maybe" is not known, expected ...",
// for a text that is not a label, and for an empty one. Of multi-label rows "" is no label (gold_sets.h).
GoldLabel parse_gold(const LabelMap& map, const Example& row);

// The task of data and model, if no flag says it.
struct FoundTask {
  const Task* task = nullptr;  // null: not one of the known tasks
  std::string from;            // what tells it: "the directory's name", ...
  bool columns = false;        // the file has the task's columns
};
// Found by the path (".../SST-2/dev.tsv", "mrpc_dev.tsv"), else by the column names in the first
// line, else by config.json's finetuning_task. Reads at most the first line of the file; "-" is not
// read.
FoundTask guess_task(const std::string& path, const ModelInfo& model);
// The task with this name, or with parts or copies of this name: "mnli-mm", "sst2", "diagnostic".
// Null: there is none.
const Task* maybe_task(std::string_view name);

}  // namespace costeff::tasks
