#pragma once

#include <fmt/core.h>

#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace costeff {

// fmt::format at the end of *out.
template <typename... Args>
void append_format(std::string* out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(*out), format, std::forward<Args>(args)...);
}

// The shortest form that reads back as the same number; nan, inf, -inf. Independent of the locale.
std::string shortest(double v);
// "0.3,0.2"
std::string shortest_list(const std::vector<double>& values, const char* between = ",");

}  // namespace costeff
