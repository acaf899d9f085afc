#pragma once

// Finds the files that an evaluation reads: a file, those of a task's directory, or those of a
// directory of tasks.

#include <string>
#include <string_view>
#include <vector>

#include "tasks/judge/gold.h"

namespace costeff::tasks {

struct DataSet {
  std::string path;
  std::string name;            // "mnli-m", "sst-2"; if the task is unknown, the file's name
  const Task* task = nullptr;  // null: not one of the known tasks
  std::string task_from;       // how the task was found; empty: no task
  bool columns = false;        // the file has the task's columns
  bool squad = false;          // questions and contexts
};

// data: files, or directories:
//   SST-2/            dev.tsv; MNLI: dev_matched.tsv and dev_mismatched.tsv; AX: diagnostic.tsv;
//                     SQuAD: dev-v1.1.json, dev-v2.0.json. Also .jsonl and .csv, and any of them
//                     with .gz or .zst added
//   a GLUE directory  the sub-directory of the task
// split: "dev", "train" or "test". task_name: a name of the task table or "squad"; "none": no task;
// empty: found by path, columns, config.json. Throws Error(usage), and Error(input) for a directory
// that has no such file.
std::vector<DataSet> find_data_sets(const std::vector<std::string>& data, const std::string& split,
                                    const std::string& task_name, const ModelInfo& model);

}  // namespace costeff::tasks
