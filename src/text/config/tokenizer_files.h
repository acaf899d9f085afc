#pragma once

// Where the files of a tokenizer come from: a checkpoint directory, or memory.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace costeff::text {

class TokenizerFiles {
 public:
  explicit TokenizerFiles(std::string dir) : dir_(std::move(dir)) {}
  // The bytes of files by name; `dir` only names the place in messages.
  TokenizerFiles(std::string dir, std::map<std::string, std::string> bytes)
      : dir_(std::move(dir)), bytes_(std::move(bytes)) {}

  const std::string& dir() const { return dir_; }
  std::string path(const std::string& name) const;  // begins messages
  bool has(const std::string& name) const;
  // Throws Error(model) if there is no such file, it is not a regular one, or it is larger than
  // max_bytes.
  std::string read(const std::string& name, uint64_t max_bytes) const;

 private:
  std::string dir_;
  std::optional<std::map<std::string, std::string>> bytes_;
};

}  // namespace costeff::text
