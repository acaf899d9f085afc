#include "base/new_directory.h"

#include <costeff/error.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/beside.h"
#include "base/file_bytes.h"

namespace costeff {
namespace {

constexpr const char* kExpected = ", expected a new name or an empty directory";

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

NewDirectory::NewDirectory(const std::string& target)
    : name_(target), target_(without_slashes(target)) {
  if (target.empty()) throw_output("the output directory has an empty name");
  mode_t mode = 0;  // 0: as the umask says
  if (file_exists(target_)) {
    struct stat st {};
    if (::stat(target_.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
      throw_output(name_ + ": exists and is not a directory" + kExpected);
    }
    std::error_code error;
    const bool empty = std::filesystem::is_empty(target_, error);
    if (error) throw_output(name_ + ": " + error.message());
    if (!empty) throw_output(name_ + ": is not empty" + kExpected);
    mode = st.st_mode & 07777;
    if (char* real = ::realpath(target_.c_str(), nullptr)) {
      target_ = real;
      std::free(real);
    }
  }
  for (int attempt = 0;; ++attempt) {
    temporary_ = target_ + ".tmp." + random_suffix();
    if (::mkdir(temporary_.c_str(), 0777) == 0) break;
    if (errno == EEXIST && attempt < 100) continue;
    const std::string what = std::strerror(errno);
    temporary_.clear();
    throw_output(name_ + ": cannot make a directory in " + parent_of(target_) + ": " + what);
  }
  if (mode != 0) ::chmod(temporary_.c_str(), mode | S_IRWXU);
}

NewDirectory::~NewDirectory() {
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

void NewDirectory::commit() {
  sync_directory(temporary_);
  // rename() replaces an empty directory atomically, and refuses anything else.
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    throw_output(name_ + ": " + std::strerror(errno));
  }
  temporary_.clear();
  sync_directory(parent_of(target_));
}

}  // namespace costeff
