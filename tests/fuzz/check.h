#pragma once

// What the fuzz targets have in common.

#include <costeff/error.h>
#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace costeff::fuzz {

inline void require(bool holds,
                    const std::source_location& where = std::source_location::current()) {
  if (holds) return;
  fmt::print(stderr, "{}:{}: does not hold\n", where.file_name(), where.line());
  __builtin_trap();
}

// An Error is a right answer if its text is one line of printable bytes.
inline void check_error(const Error& e) {
  for (const char* p = e.what(); *p; ++p) require(static_cast<unsigned char>(*p) >= 0x20);
}

// Hands out the input from front to back.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  uint8_t byte() {  // 0 when nothing is left
    if (rest_.empty()) return 0;
    const auto b = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return b;
  }
  std::string_view take(size_t size) {
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(part.size());
    return part;
  }
  // Up to the next separator (a control character of ASCII, which is left out), or all that is
  // left.
  std::string_view part() {
    const size_t end = rest_.find('\x1e');
    const std::string_view p = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    return p;
  }
  std::string_view rest() { return std::exchange(rest_, {}); }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace costeff::fuzz
