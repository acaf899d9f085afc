#include "base/file_writer.h"

#include <costeff/error.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace costeff {
namespace {

constexpr size_t kBuffer = 256u << 10;
constexpr size_t kMaxWrite = 1u << 30;  // write(2) takes no more than 2 GiB

}  // namespace

FileWriter::FileWriter(const std::string& path) : path_(path) {
  do {
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) fail();
  buffer_.reserve(kBuffer);
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void FileWriter::fail() const { throw_output(path_ + ": " + std::strerror(errno)); }

void FileWriter::put(const std::byte* p, size_t n) {
  while (n > 0) {
    const ssize_t done = ::write(fd_, p, std::min(n, kMaxWrite));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail();
    p += done;
    n -= static_cast<size_t>(done);
  }
}

void FileWriter::flush() {
  put(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void FileWriter::write(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  if (bytes.size() > kBuffer - buffer_.size()) flush();
  if (bytes.size() >= kBuffer) {
    put(bytes.data(), bytes.size());
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void FileWriter::finish() {
  flush();
  // File systems that cannot sync say so by EINVAL.
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) fail();
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0 && errno != EINTR) fail();
}

}  // namespace costeff
