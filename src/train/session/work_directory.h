#pragma once

// The directory beside OUT that holds what an unfinished run needs to go on.

#include <string>

namespace costeff::train {

class WorkDirectory {
 public:
  // Nothing is touched before open().
  explicit WorkDirectory(std::string directory) : directory_(std::move(directory)) {}
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  // Creates it, or with `resume` opens that of a run to go on with. Throws Error(output) if it exists and
  // `resume` is false, or another process works there; Error(input) if there is none to resume.
  void open(bool resume);

  const std::string& directory() const { return directory_; }
  std::string path(const std::string& name) const;
  bool has(const std::string& name) const;
  // Replaces a file, which is complete at every moment. Throws Error(output).
  void write(const std::string& name, const std::string& text) const;
  // Removes it and all it holds.
  void remove();

 private:
  std::string directory_;
  int lock_ = -1;
};

}  // namespace costeff::train
