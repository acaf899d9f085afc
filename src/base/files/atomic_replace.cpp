#include "base/files/atomic_replace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <random>

namespace costeff {
namespace {

constexpr size_t kMaxWrite = 1u << 30;  // write(2) takes no more than 2 GiB
constexpr int kMaxNames = 100;          // tried before giving up

// Six random letters and digits, for a temporary name.
std::string random_suffix() {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device device;
  std::string out;
  for (int i = 0; i < 6; ++i) out += kLetters[device() % (sizeof kLetters - 1)];
  return out;
}

// make(path) creates it, and fails with EEXIST where something has that name.
template <typename Make>
bool create_beside(const std::string& target, const Make& make, TemporaryPath* temporary) {
  for (int attempt = 0; attempt < kMaxNames; ++attempt) {
    if (temporary->create(target + ".tmp." + random_suffix(), make)) return true;
    if (errno != EEXIST && errno != EINTR) break;
  }
  return false;
}

}  // namespace

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string follow_links(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (!real) return path;
  std::string followed = real;
  std::free(real);
  return followed;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), std::min(bytes.size(), kMaxWrite));
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool sync_file(int fd) { return ::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP; }

bool sync_and_close(int* fd) {
  if (!sync_file(*fd)) return false;
  const int closing = *fd;
  *fd = -1;
  return ::close(closing) == 0 || errno == EINTR;
}

void sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

bool rename_durably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return false;
  sync_directory(parent_of(to));
  return true;
}

bool Replacement::create_file(const std::string& target, std::optional<mode_t> mode, int* fd) {
  const auto make = [&](const char* path) {
    *fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode.value_or(0666));
    return *fd >= 0;
  };
  if (!create_beside(target, make, &temporary_)) return false;
  target_ = target;
  if (!mode || ::fchmod(*fd, *mode) == 0) return true;  // the umask may have taken bits away
  const int error = errno;
  ::close(*fd);
  *fd = -1;
  temporary_.remove();
  errno = error;
  return false;
}

bool Replacement::create_directory(const std::string& target, std::optional<mode_t> mode) {
  const auto make = [](const char* path) { return ::mkdir(path, 0777) == 0; };
  if (!create_beside(target, make, &temporary_)) return false;
  target_ = target;
  if (mode) ::chmod(path().c_str(), *mode | S_IRWXU);  // files must get into it
  return true;
}

bool Replacement::commit() {
  if (::rename(path().c_str(), target_.c_str()) != 0) return false;
  temporary_.release();  // before anything slow: what has the target's name must not be removed
  sync_directory(parent_of(target_));
  return true;
}

}  // namespace costeff
