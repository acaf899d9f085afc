#pragma once

#include <string>

namespace costeff {

// A directory that appears with all its files at once. They are written into path(), a directory
// TARGET.tmp.XXXXXX beside the target, which commit() renames. Without commit() the destructor
// removes it and its files.
class NewDirectory {
 public:
  // `target` must not exist, or be an empty directory (whose mode is kept). Throws Error(output).
  explicit NewDirectory(const std::string& target);
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  const std::string& path() const { return temporary_; }

  // All files are finished. Throws Error(output), also if something else has appeared at `target`
  // meanwhile; that is left as it is.
  void commit();

 private:
  std::string name_;       // as given, for messages
  std::string target_;     // links followed
  std::string temporary_;  // empty: committed
};

}  // namespace costeff
