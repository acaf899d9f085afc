#pragma once

#include <string>
#include <vector>

namespace costeff {

// What printf would print, of any length.
std::string string_printf(const char* format, ...) __attribute__((format(printf, 1, 2)));
void append_printf(std::string* out, const char* format, ...) __attribute__((format(printf, 2, 3)));

// The shortest form that reads back as the same number; nan, inf, -inf. Independent of the locale.
std::string shortest(double v);
// "0.3,0.2"
std::string shortest_list(const std::vector<double>& values, const char* between = ",");

}  // namespace costeff
