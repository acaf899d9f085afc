#pragma once

// Several labels in one field of a row, as files have them:
//   joy|anger       names or numbers, in a table's cell or a string (label_list.h); "": none
//   0,27            numbers
//   ["joy", 3]      a JSON list of names and numbers, [] for none
//   [1.0, 0.0], [true, false], [0, 1, 0, 0]
//                   a JSON list of C numbers 0 and 1: one for each label

#include <costeff/result.h>

#include <string>
#include <string_view>
#include <vector>

#include "tasks/judge/gold.h"

namespace costeff::tasks {

// Whether the text is a JSON list, which only rows with several labels have.
bool is_label_list(std::string_view gold);

// The texts of the labels in a field. labels: C, or 0 if it is not known. Of a list of 0 or 1 for each label
// the texts are numbers, and *indicators its size; else it is left as it is. Throws Error(input) that begins
// "file:line: ".
std::vector<std::string> gold_set_texts(const Example& row, int64_t labels, int64_t* indicators);

// The labels of a row, ascending, each once. Throws Error(input) for one that is not known.
std::vector<int32_t> parse_gold_set(const LabelMap& map, const Example& row);

}  // namespace costeff::tasks
