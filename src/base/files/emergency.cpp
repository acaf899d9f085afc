#include "base/files/emergency.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/utf8.h"

namespace costeff {
namespace {

std::atomic_flag emergency_lock = ATOMIC_FLAG_INIT;
TemporaryPath* first_temporary = nullptr;
MappingNote* first_mapping = nullptr;

// What getdents64 writes. readdir may allocate, which a signal handler must not.
struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

// For a directory that holds only files. Async-signal-safe.
void remove_directory(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  alignas(DirectoryEntry) std::array<char, 4096> buffer;
  for (;;) {
    const long n = ::syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
    if (n <= 0) break;
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer.data() + at);
      ::unlinkat(fd, entry->name, 0);  // "." and "..": refused
      at += entry->size;
    }
  }
  ::close(fd);
  ::rmdir(path);
}

void remove_path(const char* path) {
  struct stat st {};
  if (::lstat(path, &st) != 0) return;
  S_ISDIR(st.st_mode) ? remove_directory(path) : void(::unlink(path));
}

}  // namespace

EmergencyLock::EmergencyLock() {
  while (emergency_lock.test_and_set(std::memory_order_acquire)) ::sched_yield();
}
EmergencyLock::~EmergencyLock() { emergency_lock.clear(std::memory_order_release); }

void TemporaryPath::enter() {
  before_ = nullptr;
  after_ = first_temporary;
  if (after_) after_->before_ = this;
  first_temporary = this;
}

void TemporaryPath::leave() {
  (before_ ? before_->after_ : first_temporary) = after_;
  if (after_) after_->before_ = before_;
}

void TemporaryPath::release() {
  if (empty()) return;
  const EmergencyLock lock;
  leave();
  path_.clear();
}

void TemporaryPath::remove() {
  if (empty()) return;
  remove_path(path_.c_str());
  release();
}

MappingNote::MappingNote(const std::byte* data, size_t size, const std::string& path)
    : data_(data), size_(size), name_(printable(path)) {
  const EmergencyLock lock;
  after_ = first_mapping;
  if (after_) after_->before_ = this;
  first_mapping = this;
}

MappingNote::~MappingNote() {
  const EmergencyLock lock;
  (before_ ? before_->after_ : first_mapping) = after_;
  if (after_) after_->before_ = before_;
}

const char* mapped_file_at(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const MappingNote* m = first_mapping; m; m = m->after_) {
    const auto begin = reinterpret_cast<uintptr_t>(m->data_);
    if (at >= begin && at - begin < m->size_) return m->name_.c_str();
  }
  return nullptr;
}

void remove_temporaries() {
  for (const TemporaryPath* t = first_temporary; t; t = t->after_) remove_path(t->path_.c_str());
}

}  // namespace costeff
