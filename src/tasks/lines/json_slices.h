#pragma once

// Values of a JSON object as they are written: numbers are not parsed and printed again, so that
// 1.0, 1E5 and 12345678901234567890 pass through unchanged.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

// All functions take text that is known to be valid JSON.

// The value of each of `names` in `object`: a part of it, or empty if the field is absent. A name
// with dots also goes down into objects ("data.text"), but a key spelled like the whole name goes
// first. If a key comes twice, its last value counts.
void find_json_values(std::string_view object, std::span<const std::string> names,
                      std::vector<std::string_view>* values);

// The keys of an object, unescaped, in order.
std::vector<std::string> json_keys(std::string_view object);

// The text of a JSON string, which is given with its quotes. Half of a surrogate pair becomes
// U+FFFD.
void unescape_json_string(std::string_view string, std::string* out);

// Appends a value without the white space between its tokens. NaN and Infinity, which Python writes
// but JSON does not have, become null.
void append_compact_json(std::string_view value, std::string* out);

}  // namespace costeff::tasks
