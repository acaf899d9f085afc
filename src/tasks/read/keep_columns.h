#pragma once

// Columns of the input that are copied to the output (--keep).

#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

struct KeptColumn {
  std::string field;  // its name in the input, or its number
  std::string name;   // in the output
};

// Reads "a,b=c": a keeps its name, b is called c. is_taken tells which names the output has
// already. Throws Error(usage) for a part without a name, and for a name that is taken or comes
// twice.
std::vector<KeptColumn> parse_kept_columns(std::string_view text,
                                           bool (*is_taken)(std::string_view));

// The columns' names in the output, in order.
std::vector<std::string> output_names(const std::vector<KeptColumn>& columns);

}  // namespace costeff::tasks
