#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/files/file_state.h"
#include "tasks/lines/line_reader.h"

namespace costeff::tasks {

// The ContentHash of a file as text. Throws Error(input) if the file cannot be read.
std::string content_hash(const std::string& path);
// The same for all files in a model directory that its answers may depend on.
std::string model_hash(const std::string& dir);

// The files of a run that opens them more than once (to count rows, to hash, to load, to read):
// each name must stand for the same file every time. Inputs in memory, and those that are not
// regular files, are left out.
class RunFiles {
 public:
  // Notes the files as they are now. Those that do not exist are left out: opening them will fail.
  RunFiles(const std::string& model_dir, const std::vector<InputFile>& inputs);
  // Throws Error(model) or Error(input) that names the first file that has changed.
  void check() const;
  // Only the inputs. A loaded model stays what it is, whatever happens to its files.
  void check_inputs() const;

 private:
  struct Entry {
    std::string path;
    bool of_model;
    FileState state;
  };
  static void check_entry(const Entry& file);
  std::vector<Entry> files_;
};

}  // namespace costeff::tasks
