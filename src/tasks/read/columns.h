#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/read/input_options.h"

namespace costeff::tasks {

// Which columns of a TSV or CSV file are read; counted from 0, -1: none.
struct Columns {
  int64_t text = 0, pair = -1, id = -1;
  int64_t label = -1;         // InputOptions::want_gold
  std::vector<int64_t> kept;  // InputOptions::keep
  int64_t count = 0;          // columns that every row must have
  bool header = false;        // the first row is the header, not data
};

// Usual names of columns or fields of texts, and of gold labels; the first that are there count.
std::span<const FieldNames> common_field_names();
std::span<const std::string_view> label_field_names();

// Whether columns are looked for by this name: a usual one, one of the task's, or one asked for.
bool is_column_name(std::string_view cell, const InputOptions& options);

// Whether the row looks like a header: short names, no numbers, no sentences.
bool may_be_header(std::span<const std::string_view> row);

// For messages: the first few names, each in quotes; and both names of a pair, in quotes too.
std::string list_names(std::span<const std::string_view> names);
std::string quoted_names(const FieldNames& names);

// Decides by the first row [columns] of a file. `place` is the place of that row ("dev.tsv:1").
// Throws Error(input) if a column is missing, is named twice or cannot be chosen, or if the row may
// be a header or data and no flag says which; Error(usage) if a column is named and there is no
// header.
Columns choose_columns(std::span<const std::string_view> first, const InputOptions& options,
                       const std::string& place);

}  // namespace costeff::tasks
