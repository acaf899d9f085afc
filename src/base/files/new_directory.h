#pragma once

#include <string>

#include "base/files/atomic_replace.h"

namespace costeff {

// A directory that appears with all its files at once. They are written into path(), a temporary
// directory beside the target, which takes its place at commit() and is removed without it
// (Replacement).
class NewDirectory {
 public:
  // `target` must not exist, or be an empty directory (whose mode is kept). Throws Error(output).
  explicit NewDirectory(const std::string& target);
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  const std::string& path() const { return replacement_.path(); }

  // Call it when all files are finished. Throws Error(output), also if something else has appeared
  // at the target meanwhile; that is left as it is.
  void commit();

 private:
  std::string name_;  // as given, for messages
  Replacement replacement_;
};

}  // namespace costeff
