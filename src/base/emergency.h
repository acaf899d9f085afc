#pragma once

// What is left to do for a process that a signal ends: to remove its temporary files, and, if a
// mapped file became shorter while it was read (SIGBUS), to name it. The library only keeps lists
// of the two; it catches no signal. Whoever owns the process may do so, and use them.

#include <cstddef>
#include <string>

namespace costeff {

// The lists are changed, and read by a signal handler, with this lock held. It spins: what is done
// under it takes no time, and a handler of SIGBUS may wait for it, as nothing under it reads a
// mapped file.
class EmergencyLock {
 public:
  EmergencyLock();
  ~EmergencyLock();
  EmergencyLock(const EmergencyLock&) = delete;
  EmergencyLock& operator=(const EmergencyLock&) = delete;
};

// A file, or a directory and the files in it, that must not outlive the process.
class TemporaryPath {
 public:
  TemporaryPath() = default;
  ~TemporaryPath() { remove(); }
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;

  bool empty() const { return path_.empty(); }
  const std::string& path() const { return path_; }

  // make(path): makes it, and says whether it did. One that exists already is not ours: false.
  template <typename Make>
  bool create(std::string path, const Make& make) {
    const EmergencyLock lock;
    path_ = std::move(path);
    if (!make(path_.c_str())) {
      path_.clear();
      return false;
    }
    enter();
    return true;
  }
  void release();  // it has got its lasting name
  void remove();

 private:
  friend void remove_temporaries();
  void enter();
  void leave();

  std::string path_;  // empty: there is none
  TemporaryPath *before_ = nullptr, *after_ = nullptr;
};

// A mapping, by its file's name as messages print it.
class MappingNote {
 public:
  MappingNote(const std::byte* data, size_t size, const std::string& path);
  ~MappingNote();
  MappingNote(const MappingNote&) = delete;
  MappingNote& operator=(const MappingNote&) = delete;

 private:
  friend const char* mapped_file_at(const void* address);
  const std::byte* data_;
  size_t size_;
  std::string name_;
  MappingNote *before_ = nullptr, *after_ = nullptr;
};

// For a signal handler that holds the lock; async-signal-safe.
const char* mapped_file_at(const void* address);  // null: no mapped file is there
void remove_temporaries();

}  // namespace costeff
