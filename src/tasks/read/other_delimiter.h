#pragma once

// A table whose columns are parted by another character than the format's own.

#include <string>
#include <string_view>

#include "tasks/read/input_options.h"

namespace costeff::tasks {

// Throws Error(input), which names the flag, where the lines are clearly parted by another character
// than `delimiter` (tab, ; | or comma): the first one has known column names then, or has no
// `delimiter` and as many of the other character as the lines after it.
// first: the first line of the file; rest: what has been read after it; csv: quotes hide what is in
// them; place: of the line, "in.csv:1".
void check_delimiter(std::string_view first, std::string_view rest, char delimiter, bool csv,
                     const InputOptions& options, const std::string& place);

}  // namespace costeff::tasks
