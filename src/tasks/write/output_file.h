#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>
#include <string_view>

#include "base/emergency.h"

namespace costeff::tasks {

enum class WriteStatus {
  ok,
  closed,   // nobody reads the pipe any more (EPIPE; SIGPIPE must be ignored to get here)
  stopped,  // *stop became true while the reader of a pipe kept us waiting
};

// Where rows go. A regular file appears, or is replaced, only by commit(): until then the rows lie
// in PATH.tmp.XXXXXX beside it, which the destructor removes, and so may a process that a signal
// ends (base/emergency.h). The replaced file's mode is kept, a
// link to it stays. Standard output ("-", /dev/stdout), other descriptors (/dev/fd/N), FIFOs and
// devices are written straight.
class OutputFile {
 public:
  // Throws Error(output): no such directory, a directory itself, not writable.
  explicit OutputFile(const std::string& path, const std::atomic<bool>* stop = nullptr);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Writes all bytes, unless it says otherwise. Throws Error(output): disk full, ...
  WriteStatus write(std::string_view bytes);

  // All is written: makes it durable and puts it in place. Throws Error(output); the old file is
  // then still there.
  void commit();

  int fd() const { return fd_; }
  bool straight() const { return temporary_.empty(); }  // what is written is out

 private:
  void open_descriptor(int fd);
  void open_straight();
  void open_temporary(mode_t mode);
  [[noreturn]] void fail(int error) const;

  std::string name_;         // for messages
  std::string target_;       // what commit() renames to, links followed
  TemporaryPath temporary_;  // empty: written straight
  const std::atomic<bool>* stop_;
  int fd_ = -1;
  bool owns_fd_ = true;
  bool may_wait_ = false;  // not a regular file
};

}  // namespace costeff::tasks
