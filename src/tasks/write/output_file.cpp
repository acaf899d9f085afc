#include "tasks/write/output_file.h"

#include <costeff/error.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/atomic_replace.h"
#include "base/parse.h"
#include "tasks/lines/line_reader.h"

namespace costeff::tasks {
namespace {

// The descriptor that a path stands for. Opening the path instead would start a redirected file
// anew.
std::optional<int> descriptor_of(std::string_view path) {
  if (path == "-" || path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (std::string_view dir : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(dir)) continue;
    if (const auto fd = parse_int(path.substr(dir.size()), 0, INT_MAX))
      return static_cast<int>(*fd);
  }
  return std::nullopt;
}

}  // namespace

OutputFile::OutputFile(const std::string& path, const std::atomic<bool>* stop)
    : name_(path == "-" ? "stdout" : path), target_(path), stop_(stop) {
  if (const auto fd = descriptor_of(path)) {
    open_descriptor(*fd);
    return;
  }
  if (path.empty()) throw_output("the output file has an empty name");
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    if (errno != ENOENT) fail(errno);
    open_temporary(0666);
  } else if (S_ISDIR(st.st_mode)) {
    throw_output(name_ + ": is a directory, expected a file");
  } else if (!S_ISREG(st.st_mode)) {
    open_straight();
  } else {
    if (::access(path.c_str(), W_OK) != 0) fail(errno);
    if (char* real = ::realpath(path.c_str(), nullptr)) {
      target_ = real;
      std::free(real);
    }
    open_temporary(st.st_mode & 0777);
    if (::fchmod(fd_, st.st_mode & 0777) != 0) {
      const int error = errno;
      ::close(fd_);
      fail(error);
    }
  }
}

OutputFile::~OutputFile() {
  if (fd_ >= 0 && owns_fd_) ::close(fd_);
}

void OutputFile::fail(int error) const { throw_output(name_ + ": " + std::strerror(error)); }

void OutputFile::open_descriptor(int fd) {
  fd_ = fd;
  owns_fd_ = false;
  struct stat st {};
  if (::fstat(fd_, &st) != 0) fail(errno);
  may_wait_ = !S_ISREG(st.st_mode);
}

void OutputFile::open_straight() {
  may_wait_ = true;
  for (;;) {  // a FIFO waits here for its reader
    fd_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd_ >= 0) return;
    if (errno != EINTR || (stop_ && *stop_)) fail(errno);
  }
}

void OutputFile::open_temporary(mode_t mode) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto make = [&](const char* path) {
      fd_ = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
      return fd_ >= 0;
    };
    if (temporary_.create(target_ + ".tmp." + random_suffix(), make)) return;
    if (errno != EEXIST && errno != EINTR) break;
  }
  fail(errno);
}

WriteStatus OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t piece = std::min<size_t>(bytes.size(), 1u << 30);
    if (may_wait_) {
      // Once stopped, what goes without waiting still goes.
      const bool stopping = stop_ && *stop_;
      struct pollfd p {
        fd_, POLLOUT, 0
      };
      const int ready = ::poll(&p, 1, stopping ? 0 : kPollMs);
      if (ready < 0 && errno != EINTR) fail(errno);
      if (ready <= 0 && stopping) return WriteStatus::stopped;
      if (ready <= 0) continue;
      // A pipe that is ready takes that many without waiting, and takes them whole: cut at a line's
      // end they leave no half row behind when we are stopped.
      piece = std::min<size_t>(piece, PIPE_BUF);
      if (const size_t end = bytes.substr(0, piece).rfind('\n'); end != std::string_view::npos)
        piece = end + 1;
    }
    const ssize_t n = ::write(fd_, bytes.data(), piece);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EPIPE) {
      return WriteStatus::closed;
    } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
      fail(errno);
    }
  }
  return WriteStatus::ok;
}

void OutputFile::commit() {
  if (temporary_.empty()) return;
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) fail(errno);
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0 && errno != EINTR) fail(errno);
  if (::rename(temporary_.path().c_str(), target_.c_str()) != 0) fail(errno);
  temporary_.release();
  sync_directory(parent_of(target_));
}

}  // namespace costeff::tasks
