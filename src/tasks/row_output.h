#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasks/output_file.h"

namespace costeff::tasks {

// What rows were made with, as names and values. A run goes on only with rows that were made with
// the same.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

// Rows of an unfinished run, for the next one to go on from:
//   FILE.partial       whole rows, and perhaps a torn one at the end if the machine died in a
//   write;
//                      of the header it has one, as FILE will
//   FILE.partial.json  {"format": 1, "bytes": B, "rows": N, "boot": "...", "made_with": {...}}: the
//                      first B bytes hold N rows and are on the disk
// Rows behind byte B count too, up to the last newline, where the machine has not been started anew
// since ("boot"): a killed process loses nothing that it has written. Only one run at a time may
// write them.
class ResumeFile {
 public:
  // Goes on with PATH.partial, or begins it. csv: a newline inside quotes ends no row. Throws
  // Error(usage) where it was made with something else, Error(output).
  ResumeFile(const std::string& path, const Fingerprint& made_with, bool csv);
  ~ResumeFile();  // keeps what is there
  ResumeFile(const ResumeFile&) = delete;
  ResumeFile& operator=(const ResumeFile&) = delete;

  int64_t rows() const { return rows_; }         // complete so far
  int64_t rows_found() const { return found_; }  // of them by earlier runs
  bool is_new() const { return is_new_; }        // nothing is in it yet
  const std::string& partial() const { return partial_; }
  int fd() const { return fd_; }

  // Whole rows, or the header (rows 0). Throws Error(output).
  void write(std::string_view bytes, int64_t rows);
  void keep();    // makes durable what is there
  void commit();  // all is written: PATH.partial becomes PATH

 private:
  void open();
  void read_state(const Fingerprint& made_with);
  void take_tail(bool csv);
  void write_state();
  [[noreturn]] void fail(const std::string& path, int error) const;

  std::string target_, partial_, state_, made_with_;
  int fd_ = -1;
  bool is_new_ = true;
  int64_t bytes_ = 0, rows_ = 0, found_ = 0, kept_bytes_ = -1;
  std::chrono::steady_clock::time_point kept_;
};

// Where rows go: a file that appears when all are there, or one that an interrupted run leaves
// behind.
class RowOutput {
 public:
  explicit RowOutput(const std::string& path, const std::atomic<bool>* stop) {
    file_.emplace(path, stop);
  }
  RowOutput(const std::string& path, const Fingerprint& made_with, bool csv) {
    resume_.emplace(path, made_with, csv);
  }

  WriteStatus write(std::string_view bytes, int64_t rows) {
    if (!resume_) return file_->write(bytes);
    resume_->write(bytes, rows);
    return WriteStatus::ok;
  }
  void commit() { resume_ ? resume_->commit() : file_->commit(); }
  int fd() const { return resume_ ? resume_->fd() : file_->fd(); }
  ResumeFile* resume() { return resume_ ? &*resume_ : nullptr; }
  int64_t rows_found() const { return resume_ ? resume_->rows_found() : 0; }
  // The header is not written yet.
  bool wants_header() const { return !resume_ || resume_->is_new(); }

 private:
  std::optional<OutputFile> file_;
  std::optional<ResumeFile> resume_;
};

// 16 hexadecimal digits that change when the bytes do, by accident or by hand; no defence against
// malice. Throws Error(input): the file cannot be read.
std::string content_hash(const std::string& path);
// The same of all files of a model directory that its answers may depend on.
std::string model_hash(const std::string& dir);

}  // namespace costeff::tasks
