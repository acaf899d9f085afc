#pragma once

// A process that a signal ends still has to remove its temporary files, and to name a mapped file
// that became shorter while it was read (SIGBUS). The library only keeps lists of the two; it
// catches no signal. The program that owns the process may do so, and use them.

#include <cstddef>
#include <string>

namespace costeff {

// Held while the lists are changed, and while a signal handler reads them. It spins, as it is never
// held for long. A SIGBUS handler may wait for it, as nobody reads a mapped file while holding it.
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

  // make(path) creates it and returns whether it did, which create() returns too. It must refuse one
  // that exists: that is not ours to remove.
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
  void release();  // it has been renamed to its lasting name
  void remove();

 private:
  friend void remove_temporaries();
  void enter();
  void leave();

  std::string path_;  // empty: there is none
  TemporaryPath *before_ = nullptr, *after_ = nullptr;
};

// Lists a mapping with the name of its file, as messages print it.
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

// For a signal handler that holds the lock; both are async-signal-safe.
const char* mapped_file_at(const void* address);  // null: no file is mapped there
void remove_temporaries();

}  // namespace costeff
