#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/input_options.h"

namespace costeff::tasks {

// Which columns of a TSV or CSV file are read; from 0, -1: none.
struct Columns {
  int64_t text = 0, pair = -1, id = -1;
  int64_t label = -1;         // InputOptions::want_gold
  std::vector<int64_t> kept;  // InputOptions::keep
  int64_t count = 0;          // that every row must have
  bool header = false;        // the first row is the header, not data
};

// Names that a column or field of gold labels has in the wild, the commonest first.
std::span<const std::string_view> label_field_names();

// "\"a\", \"b\", ... (9 columns)": names for a message, cut to a few.
std::string list_columns(std::span<const std::string_view> names);

// Decides from the first row [columns] of a file. `place` is where that row is ("dev.tsv:1").
// Throws Error(input) when a column is missing, named twice or cannot be chosen, and Error(usage)
// when a column is named and there is no header.
Columns choose_columns(std::span<const std::string_view> first, const InputOptions& options,
                       const std::string& place);

}  // namespace costeff::tasks
