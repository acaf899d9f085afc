#include "tasks/write/output_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>

#include "base/fail.h"
#include "base/parse.h"
#include "tasks/lines/line_reader.h"

namespace costeff::tasks {
namespace {

// The descriptor that a path stands for. Opening the path instead would truncate a redirected file.
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
    : name_(path == "-" ? "stdout" : path), stop_(stop) {
  if (const auto fd = descriptor_of(path)) {
    open_descriptor(*fd);
    return;
  }
  if (path.empty()) throw_output("the output file has an empty name");
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    if (errno != ENOENT) fail(errno);
    open_replacement(path, std::nullopt);
  } else if (S_ISDIR(st.st_mode)) {
    fail_output("{}: is a directory, expected a file", name_);
  } else if (!S_ISREG(st.st_mode)) {
    open_straight(path);
  } else {
    if (::access(path.c_str(), W_OK) != 0) fail(errno);
    open_replacement(follow_links(path), st.st_mode & 0777);
  }
}

OutputFile::~OutputFile() {
  if (fd_ >= 0 && owns_fd_) ::close(fd_);
}

void OutputFile::fail(int error) const { fail_output("{}: {}", name_, std::strerror(error)); }

void OutputFile::open_descriptor(int fd) {
  fd_ = fd;
  owns_fd_ = false;
  struct stat st {};
  if (::fstat(fd_, &st) != 0) fail(errno);
  may_wait_ = !S_ISREG(st.st_mode);
}

void OutputFile::open_straight(const std::string& path) {
  may_wait_ = true;
  for (;;) {  // a FIFO waits here for its reader
    fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd_ >= 0) return;
    if (errno != EINTR || (stop_ && *stop_)) fail(errno);
  }
}

void OutputFile::open_replacement(const std::string& target, std::optional<mode_t> mode) {
  if (!replacement_.create_file(target, mode, &fd_)) fail(errno);
}

WriteStatus OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t piece = std::min<size_t>(bytes.size(), 1u << 30);
    if (may_wait_) {
      // After a stop, what can be written without waiting still is.
      const bool stopping = stop_ && *stop_;
      struct pollfd p {
        fd_, POLLOUT, 0
      };
      const int ready = ::poll(&p, 1, stopping ? 0 : kPollMs);
      if (ready < 0 && errno != EINTR) fail(errno);
      if (ready <= 0 && stopping) return WriteStatus::stopped;
      if (ready <= 0) continue;
      // A pipe that is ready takes PIPE_BUF bytes at once without blocking. Cut at the end of a
      // line, they leave no half row there when we are stopped.
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
  if (straight()) return;
  if (!sync_and_close(&fd_) || !replacement_.commit()) fail(errno);
}

}  // namespace costeff::tasks
