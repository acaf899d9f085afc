#pragma once

// How tasks/ stores Example::id and the values in Example::kept, so that a reader need not escape
// what a writer would unescape:
//   a quote and the bytes of the id as they are, no closing quote: a string
//   anything else: the JSON text of a number, true or false; for a kept value any JSON
//   "": no id, or null

#include <fmt/core.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

namespace costeff::tasks {

inline void set_text_id(std::string_view text, std::string* id) {
  id->assign(1, '"');
  id->append(text);
}
inline void set_number_id(int64_t number, std::string* id) {
  id->clear();
  fmt::format_to(std::back_inserter(*id), "{}", number);
}

inline bool is_text_id(std::string_view id) { return id.starts_with('"'); }
inline std::string_view plain_id(std::string_view id) { return is_text_id(id) ? id.substr(1) : id; }

}  // namespace costeff::tasks
