#pragma once

// Values of a JSON object as they are written: nothing is parsed into numbers and printed again, so
// that 1.0, 1E5 and 12345678901234567890 pass through unchanged.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

// All functions take text that has been checked to be JSON.

// The value of each of `names` in `object`: a part of it, or empty where the field is absent. A name
// with dots also goes down into objects ("data.text"); a key that is spelled like the whole name is
// taken first. Of a key that comes twice the last value counts.
void find_json_values(std::string_view object, std::span<const std::string> names,
                      std::vector<std::string_view>* values);

// The keys of an object, unescaped, in order.
std::vector<std::string> json_keys(std::string_view object);

// The text of a JSON string with its quotes, unescaped. Half of a surrogate pair becomes U+FFFD.
void unescape_json_string(std::string_view string, std::string* out);

// Appends a value without the white space between its tokens. NaN and Infinity, which Python writes
// and JSON does not have, become null.
void append_compact_json(std::string_view value, std::string* out);

}  // namespace costeff::tasks
