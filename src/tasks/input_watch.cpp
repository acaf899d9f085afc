#include "tasks/input_watch.h"

#include <costeff/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace costeff::tasks {
namespace {

constexpr int64_t kPiece = 256 << 10;
constexpr const char* kCure =
    ", so that rows may be wrong; start again when nobody writes to it, or read a copy";

[[noreturn]] void throw_watch_errno(const std::string& name) {
  throw_input(name + ": " + std::strerror(errno));
}

// The hash of bytes [begin, begin + count), or of those that are there.
uint64_t hash_of(int fd, int64_t begin, int64_t count, const std::string& name) {
  ContentHash hash;
  const auto piece = std::make_unique_for_overwrite<char[]>(kPiece);
  while (count > 0) {
    const ssize_t n = ::pread(fd, piece.get(), static_cast<size_t>(std::min(count, kPiece)), begin);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_watch_errno(name);
    if (n == 0) break;
    hash.add({piece.get(), static_cast<size_t>(n)});
    begin += n;
    count -= n;
  }
  return hash.value();
}

}  // namespace

void InputWatch::begin(int fd) {
  FileState state;
  struct stat st {};
  if (::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) return;
  // Standard input may have been read in part by someone before us.
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
    throw_input(name + ": became shorter while it was read: " + std::to_string(now.size) +
                " bytes, expected " + std::to_string(state_.size) + " as when it was opened" +
                kCure);
  }
  if (file_change(state_, now) == FileChange::none) return;
  if (hash_of(fd_, begin_, bytes_, name) != hash_.value())
    throw_input(name + ": was overwritten while it was read" + kCure);
}

}  // namespace costeff::tasks
