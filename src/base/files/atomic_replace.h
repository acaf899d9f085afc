#pragma once

// Output appears under its name whole or not at all: it is written beside its target under a
// temporary name, synced, and then renamed. For new directories see NewDirectory; for a file,
//   Replacement replacement;
//   if (!replacement.create_file(follow_links(path), mode, &fd)) ...
//   if (!write_all(fd, text) || !sync_and_close(&fd) || !replacement.commit()) ...
// A file that is kept when a run is interrupted has a lasting name instead, and takes its target's
// place by rename_durably() alone.

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/files/emergency.h"

namespace costeff {

// The directory that holds `path`: "." for a bare name.
std::string parent_of(const std::string& path);
// "models/new/" -> "models/new"
std::string without_slashes(std::string path);

// `path` with its links followed: a file or directory renamed to that leaves the links in place.
// A path that does not exist is returned as it is.
std::string follow_links(const std::string& path);

// What follows returns false when the system refuses; errno says why.

// Writes all of `bytes`, in several pieces if need be.
bool write_all(int fd, std::string_view bytes);

// Makes what was written durable. File systems that cannot sync are not an error.
bool sync_file(int fd);
// sync_file, then close. Sets *fd to -1 unless the sync failed.
bool sync_and_close(int* fd);
// A rename is durable only when its directory is synced. File systems that cannot sync directories
// are ignored.
void sync_directory(const std::string& path);
// Renames `from` to `to`, which it replaces, and syncs the directory that holds `to`.
bool rename_durably(const std::string& from, const std::string& to);

// A file or directory TARGET.tmp.XXXXXX that takes its target's place at commit(). Without commit()
// the destructor removes it, and so does a process that a signal ends (base/files/emergency.h).
class Replacement {
 public:
  // Creates it, empty. `target` has its links followed. `mode` is that of what is replaced;
  // without it the umask decides.
  bool create_file(const std::string& target, std::optional<mode_t> mode, int* fd);
  bool create_directory(const std::string& target, std::optional<mode_t> mode);

  bool empty() const { return temporary_.empty(); }  // not created, or committed
  const std::string& path() const { return temporary_.path(); }

  // All is written and synced. After an error the old target is still there.
  bool commit();

 private:
  std::string target_;
  TemporaryPath temporary_;
};

}  // namespace costeff
