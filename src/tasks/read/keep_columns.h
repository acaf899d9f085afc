#pragma once

// Columns of the input that go to the output as they are (--keep).

#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

struct KeptColumn {
  std::string field;  // its name in the input, or a column's number
  std::string name;   // in the output
};

// Reads "a,b=c": a under its own name, b as c. is_taken says which names the output has already.
// Throws Error(usage): a part without a name, a name that is taken or comes twice.
std::vector<KeptColumn> parse_kept_columns(std::string_view text,
                                           bool (*is_taken)(std::string_view));

// The names in their order.
std::vector<std::string> output_names(const std::vector<KeptColumn>& columns);

}  // namespace costeff::tasks
