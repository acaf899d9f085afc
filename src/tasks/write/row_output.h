#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files/content_hash.h"
#include "tasks/write/output_file.h"

namespace costeff::tasks {

// What rows were made with, as names and values. A run goes on only with rows that were made with
// the same.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

// Rows of an unfinished run, from which the next one goes on:
//   FILE.partial       whole rows, after one header if FILE has one
//   FILE.partial.json  {"format": 2, "bytes": B, "rows": N, "checksum": "...", "made_with": {...}}:
//                      the first B bytes hold N rows, have this ContentHash and are on the disk
// A process that was killed may have written more than B bytes, at most the rows of a second. These
// are dropped and made again. Only one run at a time may write the files.
class ResumeFile {
 public:
  // Goes on with PATH.partial, or begins it. Throws Error(usage) if it was made with something else
  // or is not as it was left, and Error(output).
  ResumeFile(const std::string& path, const Fingerprint& made_with);
  ~ResumeFile();  // keeps what is there
  ResumeFile(const ResumeFile&) = delete;
  ResumeFile& operator=(const ResumeFile&) = delete;

  int64_t rows() const { return rows_; }         // complete so far
  int64_t rows_found() const { return found_; }  // those made by earlier runs
  bool is_new() const { return is_new_; }        // the file is still empty
  const std::string& partial() const { return partial_; }
  int fd() const { return fd_; }

  // bytes: whole rows, or the header (rows 0). Throws Error(output).
  void write(std::string_view bytes, int64_t rows);
  void keep();    // makes what is there durable, and notes it. Throws Error(output)
  void commit();  // all is written: PATH.partial becomes PATH. Throws Error(output)

 private:
  void open();
  void read_state();
  void keep_noted_bytes();
  void write_state();
  [[noreturn]] void fail(const std::string& path, int error) const;

  std::string target_, partial_, state_;
  Fingerprint made_with_;
  int fd_ = -1;
  bool is_new_ = true;
  int64_t bytes_ = 0, rows_ = 0, found_ = 0, kept_bytes_ = -1;
  ContentHash hash_;  // of bytes_
  std::chrono::steady_clock::time_point kept_;
};

// Where rows go: a file that appears when all rows are there, or one that an interrupted run keeps.
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
  // Rows that are written are out at once, and cannot be taken back.
  bool straight() const { return file_ && file_->straight(); }
  ResumeFile* resume() { return resume_ ? &*resume_ : nullptr; }
  int64_t rows_found() const { return resume_ ? resume_->rows_found() : 0; }
  // The header is still to be written.
  bool wants_header() const { return !resume_ || resume_->is_new(); }

 private:
  std::optional<OutputFile> file_;
  std::optional<ResumeFile> resume_;
};

}  // namespace costeff::tasks
