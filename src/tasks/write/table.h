#pragma once

#include <string>

#include "tasks/write/writer.h"

namespace costeff::tasks {

// Rows for a terminal. The widths are fixed from the start, since rows are shown as they come.
void append_table_header(const OutputOptions& options, std::string* out);
void append_table_row(const Example& row, const Result& result, const OutputOptions& options,
                      std::string* out);

}  // namespace costeff::tasks
