#include "base/files/file_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fail.h"
#include "base/files/atomic_replace.h"
#include "base/files/file_bytes.h"

namespace costeff {
namespace {

constexpr size_t kBuffer = 256u << 10;

}  // namespace

FileWriter::FileWriter(const std::string& path) : path_(path) {
  do {
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) throw_errno();
  buffer_.reserve(kBuffer);
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void FileWriter::throw_errno() const { fail_output("{}: {}", path_, std::strerror(errno)); }

void FileWriter::flush() {
  if (!write_all(fd_, as_text(buffer_))) throw_errno();
  buffer_.clear();
}

void FileWriter::write(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  if (bytes.size() > kBuffer - buffer_.size()) flush();
  if (bytes.size() < kBuffer) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  } else if (!write_all(fd_, as_text(bytes))) {
    throw_errno();
  }
}

void FileWriter::finish() {
  flush();
  if (!sync_and_close(&fd_)) throw_errno();
}

}  // namespace costeff
