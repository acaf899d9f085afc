#pragma once

// What the labels of rows to train on are: the names of classes and their order, or scores.

#include <costeff/result.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tasks/judge/gold.h"

namespace costeff::tasks {

// A label that occurs in the rows.
struct FileLabel {
  std::string key;                    // label_key
  std::string name;                   // as it is first written
  std::string other;                  // another way in which it is written; empty: none
  std::optional<double> number = {};  // if it is one
  int64_t rows = 0;
};

// In the order in which they first occur. Rows without a label do not count.
std::vector<FileLabel> labels_in(std::span<const Example> rows);

// The labels of rows with any number of them.
struct FileLabelSets {
  std::vector<FileLabel> labels;  // in the order in which they first occur
  int64_t indicators = 0;         // the size of lists of 0 or 1 for each label; 0: there are none
};
// Throws Error(input) for a row whose list is none (gold_sets.h).
FileLabelSets label_sets_in(std::span<const Example> rows);
// Whether some row has a JSON list: rows with any number of labels.
bool have_label_lists(std::span<const Example> rows);

// What decide_labels decides by, besides the labels.
struct LabelRequest {
  std::string data;            // name of the rows, for messages
  const Task* task = nullptr;  // of the data
  std::string names;           // --labels a,b,c: of the classes 0, 1, 2; empty: not given
  bool regression = false;     // --regression
  bool multi_label = false;    // rows have any number of labels
  int64_t indicators = 0;      // FileLabelSets
  std::span<const std::string> backbone = {};  // names of its classes; empty: it has none
  bool roberta = false;                        // LabelSource::roberta
};

struct TrainLabels {
  LabelMap map;                    // reads the labels of the rows (parse_gold)
  const Task* task = nullptr;      // whose labels they are; null: no known task's
  std::vector<std::string> notes;  // the first says which rule decided, and the classes
};

// The classes are, by the first of these rules that fits every label of the rows:
//   1. --regression; --labels (rows may also have the numbers of these classes)
//   2. a task of scores: regression
//   3. the backbone's own names, which must be the task's if there is one
//   4. the task's names, in the order in which models for it are trained (find_label_map)
//   5. numbers some of which have a fraction: regression
//   6. the file's own labels: whole numbers in numeric order, else names in the order of their bytes
// Of rows with any number of labels rules 1, 3 and 6 count; labels without a name (lists of 0 or 1) are
// LABEL_0, ... Rules 2, 4 and 5 also decide where at most one row in twenty does not fit: such rows are probably
// wrong, and reading them is then an error. Throws Error(usage) for --labels that are wrong, and
// Error(input) for rows that all have one label and for labels that can hardly be those of classes.
TrainLabels decide_labels(const LabelRequest& request, std::span<const FileLabel> labels);

}  // namespace costeff::tasks
