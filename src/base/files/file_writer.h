#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace costeff {

// Writes a new file from front to back through a small buffer. Everything that fails throws an
// Error(output) that names the file: it exists already, its directory does not, the disk is full.
class FileWriter {
 public:
  explicit FileWriter(const std::string& path);
  ~FileWriter();  // without finish(), the file is left incomplete
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  uint64_t written() const { return written_; }

  void finish();  // after the last write: syncs and closes the file

 private:
  void flush();
  [[noreturn]] void throw_errno() const;

  std::string path_;
  std::vector<std::byte> buffer_;
  uint64_t written_ = 0;
  int fd_ = -1;
};

}  // namespace costeff
