#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tasks/judge/metrics.h"

namespace costeff::tasks {

// The column or field names of one layout; pair "": single sentences.
struct FieldNames {
  std::string_view text, pair;
};

// Where a task's official files, and their common copies, keep the texts and labels. The first
// names that a header (or a JSONL row) has count. A new task is a row in task_table.cpp.
struct Task {
  std::string_view name;  // "sst-2"
  std::span<const FieldNames> names;
  std::string_view label;  // column of the gold label; common copies call it "label"
  // The layout of a file without a header; columns count from 1. bare_columns 0: it must have one.
  int64_t bare_columns = 0, bare_text = 0, bare_label = 0, bare_pair = 0;
  // Names of the labels 0, 1, ... of the files and their Hugging Face copies; empty: a score
  // (regression). F1 is that of label 1.
  std::span<const std::string_view> labels = {};
  std::span<const Metric> metrics = {};  // official ones, the first is the headline
  std::string_view submission = "";      // file name for the GLUE site, without .tsv
  bool submit_names = false;             // the site takes the names of labels, not their numbers
};

std::span<const Task> task_table();

// Case, '-' and '_' do not matter.
bool is_same_task_name(std::string_view a, std::string_view b);

// The task of that name. Throws Error(usage), which lists the names.
const Task& find_task(std::string_view name);

}  // namespace costeff::tasks
