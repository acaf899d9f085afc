#pragma once

// What others do to a file while it is in use, for the tests of who notices.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "tiny_checkpoint.h"

// Writes over bytes from `at` on, in the same file.
inline void overwrite(const std::string& path, const std::string& bytes, int64_t at = 0) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  file << bytes;
}

// What `cp -p` and rsync --inplace do after they have written.
inline void overwrite_and_set_time_back(const std::string& path, const std::string& bytes) {
  struct stat st {};
  (void)::stat(path.c_str(), &st);
  overwrite(path, bytes);
  const struct timespec times[] = {st.st_atim, st.st_mtim};
  (void)::utimensat(AT_FDCWD, path.c_str(), times, 0);
}

inline void touch(const std::string& path) { ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0); }

inline void append_text(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::app | std::ios::binary) << bytes;
}

inline void cut(const std::string& path, uint64_t size = 0) {
  std::filesystem::resize_file(path, size);
}

// As one should replace a file.
inline void rename_over(const std::string& path, const std::string& bytes) {
  write_file(path + ".new", bytes);
  std::filesystem::rename(path + ".new", path);
}
