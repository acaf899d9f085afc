#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace costeff {

// What the file system tells about a file: it shows whether the bytes have changed.
struct FileState {
  uint64_t device = 0, inode = 0;
  int64_t size = 0;
  int64_t modified_ns = 0;  // when the bytes were last written
  int64_t changed_ns = 0;   // when the bytes, mode, owner, links or times were last changed
  uint64_t links = 0;       // names of the file; 0: all are gone, but the bytes are still there

  bool operator==(const FileState&) const = default;
};

FileState file_state(const struct stat& st);

enum class FileChange {
  none,
  size,
  bytes,     // written to
  metadata,  // perhaps written to, with the time of modification set back as copies do
};

// How an open file has changed. Links that come and go are no change: renaming a new file over it,
// as one should, removes a link and leaves the bytes alone.
FileChange file_change(const FileState& before, const FileState& now);

// Reads the state of the open file `fd` at a moment after which every write shows in its times.
// File times come in ticks of some milliseconds, and a second write in the same tick does not show;
// so if the file was changed in the current tick, this waits for the next. Returns false after an
// error, which errno names.
bool settled_file_state(int fd, FileState* state);

}  // namespace costeff
