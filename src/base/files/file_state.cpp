#include "base/files/file_state.h"

#include <time.h>

#include <algorithm>

namespace costeff {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int kMaxWaits = 25;  // of a millisecond; a tick is at most 10 of them

int64_t nanoseconds(const struct timespec& t) { return t.tv_sec * kSecond + t.tv_nsec; }

// By the clock that the kernel uses for the times of files.
int64_t now_in_ticks() {
  struct timespec t {};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &t);
  return nanoseconds(t);
}

}  // namespace

FileState file_state(const struct stat& st) {
  return {.device = st.st_dev,
          .inode = st.st_ino,
          .size = st.st_size,
          .modified_ns = nanoseconds(st.st_mtim),
          .changed_ns = nanoseconds(st.st_ctim),
          .links = st.st_nlink};
}

FileChange file_change(const FileState& before, const FileState& now) {
  if (now.size != before.size) return FileChange::size;
  if (now.modified_ns != before.modified_ns) return FileChange::bytes;
  if (now.changed_ns != before.changed_ns && now.links == before.links) return FileChange::metadata;
  return FileChange::none;
}

bool settled_file_state(int fd, FileState* state) {
  for (int wait = 0;; ++wait) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return false;
    *state = file_state(st);
    const int64_t last = std::max(state->modified_ns, state->changed_ns), now = now_in_ticks();
    // A time far ahead was set by another machine's clock or by hand: no tick will reach it.
    if (last < now || last > now + kSecond || wait == kMaxWaits) return true;
    const struct timespec millisecond { 0, 1'000'000 };
    ::nanosleep(&millisecond, nullptr);
  }
}

}  // namespace costeff
