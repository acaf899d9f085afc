#include "base/format.h"

#include <charconv>
#include <cmath>

namespace costeff {
std::string shortest(double v) {
  if (std::isnan(v)) return "nan";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

std::string shortest_list(const std::vector<double>& values, const char* between) {
  std::string s;
  for (const double v : values) s += (s.empty() ? "" : between) + shortest(v);
  return s;
}

}  // namespace costeff
