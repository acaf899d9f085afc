#pragma once

#include <costeff/options.h>
#include <costeff/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

enum class OutputFormat { tsv, csv, jsonl, table };

// "tsv", "csv", "jsonl", "table". Throws Error(usage).
OutputFormat output_format_from_name(std::string_view name);
std::string output_format_name(OutputFormat format);

struct OutputOptions {
  OutputFormat format = OutputFormat::tsv;
  std::vector<std::string> labels;  // [C] names
  ProblemType problem = ProblemType::single_label;
  bool all_exits = false;  // JSONL only
  bool windows = false;    // JSONL only: Result::windows
  int64_t top_k = 0;       // 0: not asked for; at most C are written
  bool header = true;      // TSV, CSV and table
  int64_t table_width = 80;
  int64_t num_layers = 0;  // table: the 6 of "3/6"
  // Names of the input's columns that are copied, in the order of Example::kept.
  std::vector<std::string> kept = {};
};

// Scripts may rely on these columns and keys; new ones come after them. Lines end in \n.
//
// Multi-label, TSV, CSV   id label prob entropy exit_layer [label_1 prob_1 ... label_K prob_K]
//     label is "joy|anger" (label_list.h)
// JSONL   "labels": [...], "label_ids": [...] in place of label and label_id; top_k and all_exits:
//     "probs": {name: prob}, of the likeliest or of all
// TSV, CSV   id label prob entropy exit_layer [label_2 prob_2 ... label_K prob_K with top_k K > 1]
//            regression: id value exit_layer
//            label is the name, entropy is in nats, exit_layer counts from 1. In TSV a tab,
//            newline, carriage return or backslash inside an id or a label is \t \n \r \\; CSV
//            quotes as RFC 4180.
// JSONL      {"id", "label", "label_id", "prob", "entropy", "exit_layer"}
//            top_k:      "top": [{"label", "label_id", "prob"}], likeliest first
//            all_exits:  "exits": [{"layer", "logits", "probs", "entropy"}], in layer order
//            regression: {"id", "value", "exit_layer"}, exits of {"layer", "logits"}: without
//            probabilities there is no entropy either
//            "id" is a number if the input had a JSON number or no id (the row's number), else a
//            string
// table      for a terminal: fixed columns, then the text, cut to table_width
// Kept columns come last, in the table before the text. A JSON value stays as it is in JSONL; in
// TSV and CSV a string is its text, null is empty, and objects and lists are compact JSON.
//
// Except in the table, floats have the shortest form that reads back as the same float (in JSON,
// null if it is not finite). top_k is in falling order of the logits; of equal ones the lower label
// comes first.

// Whether some format, with any options, has a column or key of this name; kept columns need
// others.
bool is_output_name(std::string_view name);

// Appends the header line, if there is one.
void append_header(const OutputOptions& options, std::string* out);

// Appends one row. Allocates nothing but what *out needs.
void append_row(const Example& row, const Result& result, const OutputOptions& options,
                std::string* out);

}  // namespace costeff::tasks
