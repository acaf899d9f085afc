#include "base/format.h"

#include <charconv>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace costeff {
namespace {

void append(std::string* out, const char* format, std::va_list args) {
  std::va_list again;
  va_copy(again, args);
  const int n = std::vsnprintf(nullptr, 0, format, args);
  if (n > 0) {
    const size_t before = out->size();
    out->resize(before + static_cast<size_t>(n));
    std::vsnprintf(out->data() + before, static_cast<size_t>(n) + 1, format, again);
  }
  va_end(again);
}

}  // namespace

std::string string_printf(const char* format, ...) {
  std::string text;
  std::va_list args;
  va_start(args, format);
  append(&text, format, args);
  va_end(args);
  return text;
}

void append_printf(std::string* out, const char* format, ...) {
  std::va_list args;
  va_start(args, format);
  append(out, format, args);
  va_end(args);
}

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
