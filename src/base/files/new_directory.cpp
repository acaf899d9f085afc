#include "base/files/new_directory.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/fail.h"
#include "base/files/file_bytes.h"

namespace costeff {
namespace {

constexpr const char* kExpected = "expected a new name or an empty directory";

}  // namespace

NewDirectory::NewDirectory(const std::string& target) : name_(target) {
  if (target.empty()) throw_output("the output directory has an empty name");
  std::string place = without_slashes(target);
  std::optional<mode_t> mode;
  if (file_exists(place)) {
    struct stat st {};
    if (::stat(place.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
      fail_output("{}: exists and is not a directory, {}", name_, kExpected);
    }
    std::error_code error;
    const bool empty = std::filesystem::is_empty(place, error);
    if (error) fail_output("{}: {}", name_, error.message());
    if (!empty) fail_output("{}: is not empty, {}", name_, kExpected);
    mode = st.st_mode & 07777;
    place = follow_links(place);
  }
  if (!replacement_.create_directory(place, mode)) {
    const int error = errno;
    fail_output("{}: cannot make a directory in {}: {}", name_, parent_of(place),
                std::strerror(error));
  }
}

void NewDirectory::commit() {
  sync_directory(path());
  // rename() replaces an empty directory atomically, and refuses anything else.
  if (!replacement_.commit()) fail_output("{}: {}", name_, std::strerror(errno));
}

}  // namespace costeff
