#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace costeff {

// 64 bits that change when the bytes do, by accident or by hand; no defence against malice. In
// which parts the bytes come makes no difference.
class ContentHash {
 public:
  void add(std::string_view bytes);
  uint64_t value() const;    // of all bytes so far
  std::string text() const;  // the same as 16 hexadecimal digits

 private:
  uint64_t hash_ = 1, size_ = 0;
  std::array<char, 8> rest_{};  // the last size_ % 8 bytes
};

}  // namespace costeff
