#pragma once

// Files for the GLUE site (gluebenchmark.com): TSV with the header "index prediction".

#include <costeff/result.h>

#include <span>
#include <string>

#include "tasks/judge/gold.h"
#include "tasks/read/data_sets.h"

namespace costeff::tasks {

// "CoLA.tsv", "MNLI-m.tsv", "MNLI-mm.tsv", "AX.tsv". Throws Error(usage) if the data belongs to no
// GLUE task.
std::string submission_file(const DataSet& data);

inline constexpr const char* kSubmissionHeader = "index\tprediction\n";

// Appends one line a row. index: the file's own, else the row's number from 0 (first_row: that of
// rows[0]). prediction: the name of the label if the site wants names (RTE, QNLI, MNLI, AX), else
// its number; STS-B: the score with 3 decimals, kept within 0 to 5.
void append_submission(const Task& task, const LabelMap& map, std::span<const Example> rows,
                       std::span<const Result> results, int64_t first_row, std::string* out);

}  // namespace costeff::tasks
