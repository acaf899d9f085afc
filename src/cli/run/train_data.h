#pragma once

// The rows that costeff train trains on and judges by, with their labels.

#include <costeff/train.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "cli/flags/train_flags.h"
#include "tasks/judge/file_labels.h"
#include "tasks/read/data_sets.h"
#include "tasks/write/bad_rows.h"

namespace costeff::cli {

struct TrainData {
  std::vector<TrainRow> train, dev;
  std::vector<tasks::DataSet> train_sets, dev_sets;
  std::string dev_from;  // without dev_sets: "a share of 0.1 of the rows"
  tasks::TrainLabels labels;
  const tasks::Task* task = nullptr;             // of the data; null: not known
  std::deque<std::string> sources, dev_sources;  // Example::source points to these
};

// Reads all rows, decides what their labels are and keeps some apart to judge by. Rows that are skipped
// go to `bad`. Says what was found, and what is odd about it, on stderr. Throws Error(input) for rows
// and labels that cannot be used. Interrupted: the rows are not complete.
TrainData read_train_data(const TrainFlags& flags, const BackboneInfo& backbone,
                          tasks::BadRows* bad);

// The same without labels to train on, as `costeff infer` reads rows: all are TrainData::train. Labels are
// the backbone's; rows to judge by are those of --dev, which have some.
TrainData read_unlabelled_data(const TrainFlags& flags, const BackboneInfo& backbone,
                               tasks::BadRows* bad);

// The metric that evaluations compare: --metric, or the first of the task. Throws Error(usage) for
// one that does not fit the labels.
tasks::Metric train_metric(const TrainFlags& flags, const TrainData& data);

// Completes the options by what the data decides: labels, task, metric, class weights, record. Throws
// Error(usage).
void add_data_options(const TrainFlags& flags, const TrainData& data, TrainOptions* options);

}  // namespace costeff::cli
