#include "tasks/lines/input_watch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fail.h"

namespace costeff::tasks {
namespace {

constexpr const char* kCure =
    ", so that rows may be wrong; start again when nobody writes to it, or read a copy";

[[noreturn]] void throw_watch_errno(const std::string& name) {
  fail_input("{}: {}", name, std::strerror(errno));
}

}  // namespace

void InputWatch::begin(int fd) {
  FileState state;
  struct stat st {};
  if (::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) return;
  // Another process may have read a part of standard input before us.
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  if (at < 0 || !settled_file_state(fd, &state)) return;
  fd_ = fd;
  begin_ = at;
  state_ = state;
}

void InputWatch::check(const std::string& name) const {
  if (fd_ < 0) return;
  struct stat st {};
  if (::fstat(fd_, &st) != 0) throw_watch_errno(name);
  const FileState now = file_state(st);
  if (now.size < state_.size) {
    fail_input(
        "{}: became shorter while it was read: {} bytes, expected {} as when it was opened{}", name,
        now.size, state_.size, kCure);
  }
  if (file_change(state_, now) == FileChange::none) return;
  ContentHash again;
  if (hash_file_bytes(fd_, begin_, bytes_, &again) < 0) throw_watch_errno(name);
  if (again.value() != hash_.value())
    fail_input("{}: was overwritten while it was read{}", name, kCure);
}

}  // namespace costeff::tasks
