#pragma once

// Rows with labels, all of them in memory, as training reads them.

#include <costeff/train.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tasks/judge/gold.h"
#include "tasks/read/data_sets.h"
#include "tasks/read/input_options.h"

namespace costeff::tasks {

struct LabelledRows {
  std::vector<Example> rows;
  std::deque<std::string> sources;  // Example::source points to these; they do not move
};

// Gets a row that is left out, and its error. Empty: the error is thrown.
using BadRowSink = std::function<void(const Example& row, const std::string& error)>;

// Appends at most `limit` rows (0: all) of a file, with their labels if options.want_gold. Throws
// Error(input) as RowReader does; NoLabels if not even the first row has one. Ends early if *stop becomes
// true.
void read_labelled_rows(const DataSet& set, const InputOptions& options, int64_t limit,
                        const BadRowSink& bad, const std::atomic<bool>* stop, LabelledRows* to);

// The rows with their labels as numbers; consumes them. Texts of labels that the map does not have are
// Error(input), or go to `bad`.
std::vector<TrainRow> to_train_rows(const LabelMap& map, std::vector<Example> rows,
                                    const BadRowSink& bad);

// Rows without any text but white space.
int64_t count_without_text(std::span<const TrainRow> rows);

// The number of different texts (pairs, lists of ids) of rows.
int64_t count_texts(std::span<const TrainRow> rows);

// Rows of `dev` whose texts are those of a row of `train`.
int64_t count_shared(std::span<const TrainRow> train, std::span<const TrainRow> dev);

}  // namespace costeff::tasks
