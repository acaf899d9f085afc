#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/file_state.h"
#include "tasks/lines/line_reader.h"

namespace costeff::tasks {

// ContentHash of a file as text. Throws Error(input): the file cannot be read.
std::string content_hash(const std::string& path);
// The same of all files of a model directory that its answers may depend on.
std::string model_hash(const std::string& dir);

// The files of a run that looks at them more than once (counts rows, takes hashes, loads, reads):
// under their names there must be the same each time. Inputs in memory and those that are no
// regular files are left out.
class RunFiles {
 public:
  // As they are now. What is not there is for others to miss.
  RunFiles(const std::string& model_dir, const std::vector<InputFile>& inputs);
  // Throws Error(model) or Error(input) that names the first file that is another now.
  void check() const;
  // Of the inputs alone. A model that is loaded stays what it is, whatever gets its name.
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
