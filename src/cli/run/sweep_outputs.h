#pragma once

// The files of costeff sweep.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/flags/sweep_flags.h"
#include "tasks/sweep/report.h"
#include "tasks/write/output_file.h"

namespace costeff::cli {

// The files that were asked for. They are opened before the work starts, and appear when all of it
// is done.
class SweepOutputs {
 public:
  // data: the file that is read. Throws Error: no such directory, the data itself, the file of
  // another output, ...
  SweepOutputs(const SweepFlags& flags, const std::string& data);

  bool uses_stdout() const { return uses_stdout_; }

  // "a.tsv and a.html": the files that are not standard output.
  std::string names() const;

  // Returns an exit code.
  int write(const SweepFlags& flags, std::span<const tasks::SweepReport> models);

 private:
  using Text = std::string (*)(const SweepFlags&, std::span<const tasks::SweepReport>);
  struct File {
    std::string path;
    Text text;
    std::unique_ptr<tasks::OutputFile> out;
  };
  void add(const std::string& path, const std::string& data, Text text);

  std::vector<File> files_;
  bool uses_stdout_ = false;
};

}  // namespace costeff::cli
