#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/files/content_hash.h"
#include "base/files/file_state.h"

namespace costeff::tasks {

// Tells whether a regular file still holds what was read from it. If a file became shorter, or was
// overwritten where it had been read, some of its rows may be old, some new and some cut. A file
// that only grew (a log) is no problem: what was read still holds.
class InputWatch {
 public:
  // The file will be read from its present position on. Only regular files that have a size are
  // watched (those in /proc have none).
  void begin(int fd);
  // Bytes that read(2) has given, in order.
  void saw(std::string_view bytes) {
    if (fd_ >= 0) hash_.add(bytes);
    bytes_ += static_cast<int64_t>(bytes.size());
  }
  // Throws Error(input). Takes one fstat if the file was not touched; otherwise what was read is
  // read again and compared. The file must still be open.
  void check(const std::string& name) const;

 private:
  int fd_ = -1;  // -1: not watched
  int64_t begin_ = 0, bytes_ = 0;
  FileState state_;  // at the beginning
  ContentHash hash_;
};

}  // namespace costeff::tasks
