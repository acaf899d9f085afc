#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace costeff {

// What the file system says of a file, by which a change of its bytes is noticed.
struct FileState {
  uint64_t device = 0, inode = 0;
  int64_t size = 0;
  int64_t modified_ns = 0;  // the bytes were written
  int64_t changed_ns = 0;   // the bytes, the mode, the owner, the links or the times were changed
  uint64_t links = 0;       // names of the file; 0: all are gone, the bytes are still there

  bool operator==(const FileState&) const = default;
};

FileState file_state(const struct stat& st);

enum class FileChange {
  none,
  size,
  bytes,     // written to
  metadata,  // perhaps written to, with the time of modification set back as copies do
};

// What has become of an open file. Its links may come and go: who renames a new file over it, as
// one should, takes a link away and leaves the bytes alone.
FileChange file_change(const FileState& before, const FileState& now);

// The state of the open file `fd`, at a moment after which every write shows in its times: they
// come in ticks of some milliseconds, and a second write in a tick leaves them as they are. So for
// a file that was changed in this very tick the tick is waited for. False: errno says why.
bool settled_file_state(int fd, FileState* state);

}  // namespace costeff
