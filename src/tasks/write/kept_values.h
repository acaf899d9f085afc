#pragma once

// Values of the input that are copied to the output (--keep).

#include <string>
#include <string_view>
#include <vector>

#include "tasks/write/json_writer.h"

namespace costeff::tasks {

// Example::kept has the values in the form of row_id.h; null and absent ones are empty.

// Writes a field for each value into the object that is open.
void write_kept_fields(const std::vector<std::string>& names, const std::vector<std::string>& kept,
                       JsonWriter* json);
// Appends `separator` and the value, for each value. append_field escapes as TSV or CSV does.
void append_kept_fields(size_t count, const std::vector<std::string>& kept, char separator,
                        void (*append_field)(std::string_view, std::string*), std::string* out);

}  // namespace costeff::tasks
