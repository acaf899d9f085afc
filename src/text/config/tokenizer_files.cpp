#include "text/config/tokenizer_files.h"

#include "base/fail.h"
#include "base/files/file_bytes.h"

namespace costeff::text {

std::string TokenizerFiles::path(const std::string& name) const { return join_path(dir_, name); }

bool TokenizerFiles::has(const std::string& name) const {
  return bytes_ ? bytes_->contains(name) : file_exists(path(name));
}

std::string TokenizerFiles::read(const std::string& name, uint64_t max_bytes) const {
  if (!bytes_) return read_file(path(name), ErrorKind::model, max_bytes);
  const auto it = bytes_->find(name);
  if (it == bytes_->end()) fail_model("{}: no such file", path(name));
  if (it->second.size() > max_bytes) {
    fail_model("{}: {} bytes, expected at most {}", path(name), it->second.size(), max_bytes);
  }
  return it->second;
}

}  // namespace costeff::text
