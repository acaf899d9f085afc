#include "tasks/lines/run_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/fail.h"
#include "base/files/content_hash.h"
#include "base/files/file_bytes.h"

namespace costeff::tasks {
namespace {

// Adds the file's bytes and their number.
void add_file(const std::string& path, ContentHash* hash) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_input("{}: {}", path, std::strerror(errno));
  const int64_t size = hash_file_bytes(fd, 0, INT64_MAX, hash);
  const int error = errno;
  ::close(fd);
  if (size < 0) fail_input("{}: {}", path, std::strerror(error));
  hash->add(fmt::format("\n{}\n", size));
}

// Names of the files that answers may depend on, sorted. exit_policy.json is left out: the policy
// in force counts instead.
std::vector<std::string> model_files(const std::string& dir) {
  constexpr std::array<std::string_view, 6> kKinds{".json", ".txt", ".safetensors",
                                                   ".bin",  ".pt",  ".model"};
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "exit_policy.json" || !entry.is_regular_file(error)) continue;
    if (std::any_of(kKinds.begin(), kKinds.end(),
                    [&](std::string_view kind) { return name.ends_with(kind); })) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string content_hash(const std::string& path) {
  ContentHash hash;
  add_file(path, &hash);
  return hash.text();
}

std::string model_hash(const std::string& dir) {
  ContentHash hash;
  for (const std::string& name : model_files(dir)) {
    hash.add(name + "\n");
    add_file(join_path(dir, name), &hash);
  }
  return hash.text();
}

RunFiles::RunFiles(const std::string& model_dir, const std::vector<InputFile>& inputs) {
  const auto add = [&](const std::string& path, bool of_model) {
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode))
      files_.push_back({path, of_model, file_state(st)});
  };
  for (const std::string& name : model_files(model_dir)) add(join_path(model_dir, name), true);
  for (const InputFile& input : inputs) {
    if (!input.bytes && !is_stdin(input)) add(input.path, false);
  }
}

void RunFiles::check_entry(const Entry& file) {
  struct stat st {};
  const bool there = ::stat(file.path.c_str(), &st) == 0;
  const FileState now = file_state(st);
  if (there && now.device == file.state.device && now.inode == file.state.inode &&
      file_change(file.state, now) == FileChange::none) {
    return;
  }
  fail(file.of_model ? ErrorKind::model : ErrorKind::input,
       "{}: was changed or replaced after this run began; start again", file.path);
}

void RunFiles::check() const {
  for (const Entry& file : files_) check_entry(file);
}

void RunFiles::check_inputs() const {
  for (const Entry& file : files_) {
    if (!file.of_model) check_entry(file);
  }
}

}  // namespace costeff::tasks
