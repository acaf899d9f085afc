#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "base/files/atomic_replace.h"

namespace costeff::tasks {

enum class WriteStatus {
  ok,
  closed,   // nobody reads the pipe any more (EPIPE; SIGPIPE must be ignored to get here)
  stopped,  // *stop became true while we waited for the reader of a pipe
};

// Where rows go. A regular file appears, or is replaced, only by commit(): until then the rows are
// in a temporary file beside it (base/files/atomic_replace.h), which goes away with this object or with
// the process. The replaced file's mode is kept, and so is a link to it. Standard output ("-",
// /dev/stdout), other descriptors (/dev/fd/N), FIFOs and devices are written directly.
class OutputFile {
 public:
  // Throws Error(output): the directory does not exist, the path is a directory, not writable.
  explicit OutputFile(const std::string& path, const std::atomic<bool>* stop = nullptr);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Writes all bytes, unless the status says otherwise. Throws Error(output): disk full, ...
  WriteStatus write(std::string_view bytes);

  // To be called when all is written: makes the file durable and puts it in place. Throws
  // Error(output); the old file is then still there.
  void commit();

  int fd() const { return fd_; }
  // What is written is out at once, and cannot be taken back.
  bool straight() const { return replacement_.empty(); }

 private:
  void open_descriptor(int fd);
  void open_straight(const std::string& path);
  void open_replacement(const std::string& target, std::optional<mode_t> mode);
  [[noreturn]] void fail(int error) const;

  std::string name_;         // for messages
  Replacement replacement_;  // empty: written straight
  const std::atomic<bool>* stop_;
  int fd_ = -1;
  bool owns_fd_ = true;
  bool may_wait_ = false;  // not a regular file
};

}  // namespace costeff::tasks
