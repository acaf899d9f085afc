#pragma once

// Values of the input that go to the output as they are (--keep).

#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

// Values lie in Example::kept in the form of row_id.h; null and absent ones are empty.
// As JSON, for JSONL.
void append_kept_json(const std::vector<std::string>& names, const std::vector<std::string>& kept,
                      std::string* out);
// `separator` and the value, for each of them, with `append_field` for what is special in TSV or
// CSV.
void append_kept_fields(size_t count, const std::vector<std::string>& kept, char separator,
                        void (*append_field)(std::string_view, std::string*), std::string* out);

}  // namespace costeff::tasks
