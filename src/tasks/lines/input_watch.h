#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/content_hash.h"
#include "base/file_state.h"

namespace costeff::tasks {

// Whether what was read of a regular file is still what it holds. A file that became shorter, or
// that somebody wrote to where it was read, has given rows of which some may be old, some new and
// some cut. One that only grew (a log) has not: what was read stands.
class InputWatch {
 public:
  // The file is read from its present place on. What is no regular file, or has no size (/proc), is
  // not watched.
  void begin(int fd);
  // Bytes that read(2) has given, in order.
  void saw(std::string_view bytes) {
    if (fd_ >= 0) hash_.add(bytes);
    bytes_ += static_cast<int64_t>(bytes.size());
  }
  // Throws Error(input). One fstat, if nobody has touched the file; else what was read is read
  // again and compared. The file must be open.
  void check(const std::string& name) const;

 private:
  int fd_ = -1;  // -1: not watched
  int64_t begin_ = 0, bytes_ = 0;
  FileState state_;  // at the beginning
  ContentHash hash_;
};

}  // namespace costeff::tasks
