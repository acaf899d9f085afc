#include "train/session/work_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/fail.h"
#include "base/files/atomic_replace.h"
#include "base/files/file_bytes.h"

namespace costeff::train {
namespace {

[[noreturn]] void throw_errno(const std::string& path) {
  fail_output("{}: {}", path, std::strerror(errno));
}

}  // namespace

WorkDirectory::~WorkDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

std::string WorkDirectory::path(const std::string& name) const {
  return join_path(directory_, name);
}

bool WorkDirectory::has(const std::string& name) const { return file_exists(path(name)); }

void WorkDirectory::open(bool resume) {
  if (resume) {
    if (!file_exists(directory_)) {
      fail_input(
          "{}: there is no unfinished run to go on with, expected one; without --resume a new one "
          "begins",
          directory_);
    }
  } else if (::mkdir(directory_.c_str(), 0777) != 0) {
    if (errno != EEXIST) throw_errno(directory_);
    fail_output(
        "{}: holds an unfinished run, expected --resume to go on with it, or that it is "
        "removed",
        directory_);
  }
  lock_ = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw_errno(directory_);
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    fail_output("{}: another process trains there, expected one at a time", directory_);
}

void WorkDirectory::write(const std::string& name, const std::string& text) const {
  const std::string to = path(name);
  Replacement replacement;
  int fd = -1;
  if (!replacement.create_file(to, std::nullopt, &fd)) throw_errno(to);
  const bool written = write_all(fd, text);
  const int error = errno;
  if (!written) {
    ::close(fd);
    errno = error;
    throw_errno(to);
  }
  if (!sync_and_close(&fd) || !replacement.commit()) throw_errno(to);
}

void WorkDirectory::remove() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

}  // namespace costeff::train
