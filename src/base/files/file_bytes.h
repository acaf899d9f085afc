#pragma once

#include <costeff/error.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/files/emergency.h"
#include "base/files/file_state.h"

namespace costeff {

// A whole regular file, memory-mapped read-only. It stays open, so that a change of its bytes can
// be noticed. Symbolic links are followed; a FIFO, socket or device is an Error at once.
class MappedFile {
 public:
  // Throws Error(kind) if it cannot be opened or is not a regular file. An empty file has no bytes.
  static std::shared_ptr<const MappedFile> open(const std::string& path, ErrorKind kind);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }
  // Says that `part` is not needed soon: its pages, and others near them, leave this process's memory
  // and come back from the file when they are read again. Bytes outside this file are left alone.
  void give_back(std::span<const std::byte> part) const;
  // Throws Error(kind) if the bytes may have changed since open(): the file was written to, became
  // shorter or longer, or its metadata changed, which may hide a write whose time was set back. A
  // new file renamed over it is no change, nor are links to it. Thread-safe; one fstat.
  void check_unchanged() const;

 private:
  explicit MappedFile(ErrorKind kind) : kind_(kind) {}
  const ErrorKind kind_;
  int fd_ = -1;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::string path_;
  std::optional<MappingNote> note_;
  mutable std::mutex mutex_;
  mutable FileState state_;  // when it was opened, with the latest number of links
};

// Reads a small regular file whole. Throws Error(kind) as open() does, and if the file is larger
// than max_bytes or is written to meanwhile.
std::string read_file(const std::string& path, ErrorKind kind, uint64_t max_bytes);

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool file_exists(const std::string& path);  // of any type; a dangling link exists too
bool is_directory(const std::string& path);
std::string join_path(const std::string& dir, const std::string& name);

// Bounds-checked little-endian reads from binary formats. Its functions return false, and read
// nothing, if there are not enough bytes.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes, uint64_t at = 0) : bytes_(bytes), at_(at) {}
  uint64_t position() const { return at_; }
  uint64_t remaining() const { return at_ <= bytes_.size() ? bytes_.size() - at_ : 0; }
  bool seek(uint64_t at) {
    if (at > bytes_.size()) return false;
    at_ = at;
    return true;
  }
  bool skip(uint64_t n) {
    if (n > remaining()) return false;
    at_ += n;
    return true;
  }
  template <typename T>
  bool get(T* out) {
    if (sizeof(T) > remaining()) return false;
    uint64_t v = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      v |= static_cast<uint64_t>(std::to_integer<uint8_t>(bytes_[at_ + i])) << (8 * i);
    }
    *out = static_cast<T>(v);
    at_ += sizeof(T);
    return true;
  }
  bool get_bytes(uint64_t n, std::span<const std::byte>* out) {
    if (n > remaining()) return false;
    *out = bytes_.subspan(at_, n);
    at_ += n;
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t at_;
};

}  // namespace costeff
