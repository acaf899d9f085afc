// Which files of a directory hold its weights.

#include "checkpoint/containers/weights.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iterator>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/utf8.h"
#include "checkpoint/containers/container.h"
#include "checkpoint/containers/shard_index.h"

namespace costeff::checkpoint {
namespace {

using Reader = TensorSet (*)(const std::string& path);

constexpr uint64_t kMaxIndex = 100'000'000;  // bytes; the same as for a safetensors header

TensorSet read_shards(const std::string& dir, const std::string& index_path, Reader read) {
  const auto file = MappedFile::open(index_path, ErrorKind::model);
  const std::span<const std::byte> bytes = file->bytes();
  if (bytes.size() > kMaxIndex) {
    fail_model("{}: {} bytes, expected at most {}", index_path, bytes.size(), kMaxIndex);
  }
  if (bytes.empty()) fail_model("{}: is empty, expected JSON with a weight_map", index_path);
  const ShardIndex index = parse_shard_index(as_text(bytes), index_path);

  TensorSet set;
  set.file = std::make_shared<const std::string>(index_path);
  std::unordered_map<std::string, size_t> read_from;  // tensor -> shard
  std::vector<std::function<void(const TensorSet&)>> checks;
  for (size_t i = 0; i < index.shards.size(); ++i) {
    const std::string path = join_path(dir, index.shards[i]);
    if (!file_exists(path)) {
      fail_model("{}: names the file {}, which is not there", index_path,
                 printable(index.shards[i]));
    }
    TensorSet shard = read(path);
    for (Tensor& t : shard.tensors) {
      read_from.emplace(t.name, i);
      set.add(std::move(t));
    }
    std::move(shard.owners.begin(), shard.owners.end(), std::back_inserter(set.owners));
    std::move(shard.files.begin(), shard.files.end(), std::back_inserter(set.files));
    std::move(shard.notes.begin(), shard.notes.end(), std::back_inserter(set.notes));
    if (shard.check_bytes) checks.push_back(std::move(shard.check_bytes));
  }
  for (const auto& [name, i] : index.shard_of) {
    const auto it = read_from.find(name);
    if (it == read_from.end()) {
      fail_model("{}is not in this file; {} says so",
                 tensor_place(join_path(dir, index.shards[i]), name), index_path);
    }
    if (it->second != i) {
      fail_model("{}is not in this file but in {}; {} says otherwise",
                 tensor_place(join_path(dir, index.shards[i]), name),
                 printable(index.shards[it->second]), index_path);
    }
  }
  if (!checks.empty()) {
    set.check_bytes = [checks = std::move(checks)](const TensorSet& checked) {
      for (const auto& check : checks) check(checked);
    };
  }
  return set;
}

// Whether it looks like a model's name on a hub ("bert-base-uncased", "org/name") and not like a path.
bool is_hub_name(std::string_view name) {
  if (name.empty() || std::count(name.begin(), name.end(), '/') > 1) return false;
  if (name.front() == '/' || name.front() == '.' || name.back() == '/') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::strchr("/-_.", c);
  });
}

}  // namespace

void check_directory(const std::string& dir) {
  struct stat st {};
  // X_OK: files in it may be opened by name.
  if (::stat(dir.c_str(), &st) == 0) {
    if (!S_ISDIR(st.st_mode)) {
      fail_model("{}: is not a directory, expected a checkpoint directory", dir);
    }
    if (::faccessat(AT_FDCWD, dir.c_str(), X_OK, AT_EACCESS) == 0) return;
  }
  if (errno == EACCES) {
    fail_model("{}: permission denied, expected a checkpoint directory that this user may read",
               dir);
  }
  fail_model(
      "{}: does not exist, expected a checkpoint directory{}", dir,
      is_hub_name(dir)
          ? "; nothing is downloaded: if this is the name of a model on a hub, download its files "
            "first and give their directory"
          : "");
}

TensorSet read_weights(const std::string& dir) {
  check_directory(dir);
  struct Candidate {
    const char* name;
    Reader read;
    bool index;
  };
  constexpr Candidate kCandidates[] = {
      {"model.safetensors", read_safetensors, false},
      {"model.safetensors.index.json", read_safetensors, true},
      {"pytorch_model.bin", read_torch, false},
      {"pytorch_model.bin.index.json", read_torch, true},
  };
  for (const Candidate& c : kCandidates) {
    const std::string path = join_path(dir, c.name);
    if (!file_exists(path)) continue;
    return c.index ? read_shards(dir, path, c.read) : c.read(path);
  }
  fail_model(
      "{}: no weights, expected model.safetensors, model.safetensors.index.json, pytorch_model.bin "
      "or pytorch_model.bin.index.json",
      dir);
}

}  // namespace costeff::checkpoint
