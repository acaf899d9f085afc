#pragma once

#include <algorithm>
#include <string_view>

namespace costeff::text {

// Removes the first line from *rest and returns it, without its end: "\n" or "\r\n".
inline std::string_view next_line(std::string_view* rest) {
  const size_t end = std::min(rest->find('\n'), rest->size());
  std::string_view line = rest->substr(0, end);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace costeff::text
