#pragma once

#include <string>

#include "base/emergency.h"

namespace costeff {

// A directory that comes into being with all its files at once. They are written into path(), a
// directory PATH.tmp.XXXXXX beside the place where it is to be, which commit() renames. Without
// commit() the destructor removes it and its files, and so may a process that a signal ends
// (base/emergency.h).
class NewDirectory {
 public:
  // `target` must not exist, or be an empty directory (whose mode is kept). Throws Error(output).
  explicit NewDirectory(const std::string& target);
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  const std::string& path() const { return temporary_.path(); }

  // The files are finished. Throws Error(output), also when something else has come to be at
  // `target` since; it is left as it is.
  void commit();

 private:
  std::string name_;         // as given, for messages
  std::string target_;       // what is renamed to, links followed
  TemporaryPath temporary_;  // empty: committed
};

}  // namespace costeff
