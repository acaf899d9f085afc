#pragma once

// Finds tables whose columns are separated by another character than their format says.

#include <string>
#include <string_view>

#include "tasks/read/input_options.h"

namespace costeff::tasks {

// Throws Error(input), which names the flag, if another character than `delimiter` (tab, ; | or
// comma) clearly separates the columns: the first line then has known column names, or it has no
// `delimiter` and as many of the other character as the lines after it.
// first: the first line of the file; rest: what has been read after it; csv: delimiters in quotes
// do not count; place: of the line, "in.csv:1".
void check_delimiter(std::string_view first, std::string_view rest, char delimiter, bool csv,
                     const InputOptions& options, const std::string& place);

}  // namespace costeff::tasks
