#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace costeff {

// XXH3: 64 bits that change when the bytes do, by accident or by hand. It is no defence against
// malice. It does not matter in how many parts the bytes come.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(ContentHash&&) noexcept;
  ContentHash& operator=(ContentHash&&) noexcept;

  void add(std::string_view bytes);
  uint64_t value() const;    // of all bytes so far
  std::string text() const;  // the same as 16 hexadecimal digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The hash of `bytes` by itself.
uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);

// Adds bytes [begin, begin + count) of an open file, or as many of them as there are. Returns their
// number, or -1 after an error, which errno names.
int64_t hash_file_bytes(int fd, int64_t begin, int64_t count, ContentHash* hash);

}  // namespace costeff
