#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/content_hash.h"
#include "tasks/write/output_file.h"

namespace costeff::tasks {

// What rows were made with, as names and values. A run goes on only with rows that were made with
// the same.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

// Rows of an unfinished run, for the next one to go on from:
//   FILE.partial       whole rows; of the header it has one, as FILE will
//   FILE.partial.json  {"format": 2, "bytes": B, "rows": N, "checksum": "...", "made_with": {...}}:
//                      the first B bytes hold N rows, have that ContentHash and are on the disk
// Rows after byte B, a second's at most, are those of a killed process. They are dropped and made
// again. Only one run at a time may write the files.
class ResumeFile {
 public:
  // Goes on with PATH.partial, or begins it. Throws Error(usage) where it was made with something
  // else or is not as it was left, and Error(output).
  ResumeFile(const std::string& path, const Fingerprint& made_with);
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
  void keep_noted_bytes();
  void write_state();
  [[noreturn]] void fail(const std::string& path, int error) const;

  std::string target_, partial_, state_, made_with_;
  int fd_ = -1;
  bool is_new_ = true;
  int64_t bytes_ = 0, rows_ = 0, found_ = 0, kept_bytes_ = -1;
  ContentHash hash_;  // of bytes_
  std::chrono::steady_clock::time_point kept_;
};

// Where rows go: a file that appears when all are there, or one that an interrupted run leaves
// behind.
class RowOutput {
 public:
  explicit RowOutput(const std::string& path, const std::atomic<bool>* stop) {
    file_.emplace(path, stop);
  }
  RowOutput(const std::string& path, const Fingerprint& made_with) {
    resume_.emplace(path, made_with);
  }

  WriteStatus write(std::string_view bytes, int64_t rows) {
    if (!resume_) return file_->write(bytes);
    resume_->write(bytes, rows);
    return WriteStatus::ok;
  }
  void commit() { resume_ ? resume_->commit() : file_->commit(); }
  int fd() const { return resume_ ? resume_->fd() : file_->fd(); }
  // Rows are out once they are written, whatever comes after.
  bool straight() const { return file_ && file_->straight(); }
  ResumeFile* resume() { return resume_ ? &*resume_ : nullptr; }
  int64_t rows_found() const { return resume_ ? resume_->rows_found() : 0; }
  // The header is not written yet.
  bool wants_header() const { return !resume_ || resume_->is_new(); }

 private:
  std::optional<OutputFile> file_;
  std::optional<ResumeFile> resume_;
};

}  // namespace costeff::tasks
