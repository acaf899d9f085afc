#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace costeff::checkpoint {

// model.safetensors.index.json or pytorch_model.bin.index.json:
//   {"metadata": ..., "weight_map": {"TENSOR": "model-00001-of-00002.safetensors", ...}}
struct ShardIndex {
  std::vector<std::string> shards;                   // file names, in order of appearance
  std::unordered_map<std::string, size_t> shard_of;  // tensor -> into `shards`
};

// Shard names must be plain names of files in the index's own directory. Throws an Error(model) that
// begins with `file`.
ShardIndex parse_shard_index(std::string_view text, const std::string& file);

}  // namespace costeff::checkpoint
