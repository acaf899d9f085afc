#pragma once

// Writes any checkpoint that the engine reads as a clean Hugging Face directory.

#include <costeff/error.h>
#include <costeff/options.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace costeff {

enum class StoredType { float32, float16, bfloat16 };

struct ConvertOptions {
  // Absent: each tensor keeps its own type, but float64 becomes float32.
  std::optional<StoredType> dtype = {};
  // The off-ramps to keep, by the layer that they follow, numbered from 1 as in the source. Absent:
  // all. The final classifier always stays.
  std::optional<std::vector<int64_t>> exits = {};
  // bfloat16 or int8: the weights of the layers and the word embedding (and its factor) are stored in
  // it, and the model computes in it by default. An int8 tensor NAME [rows, columns] comes with a
  // float32 tensor NAME_scale [rows]: row r of the weights is NAME_scale[r] NAME[r]. The answers are
  // those of LoadOptions::compute on `source`, bit for bit, except that the word embedding is rounded
  // too. config.json has "costeff": {"compute": "int8"}. Absent: nothing is quantised.
  std::optional<ComputeType> quantise = {};
  std::vector<int64_t> drop_layers = {};  // encoder layers to leave out; this changes the answers
  bool ignore_unused = false;             // as LoadOptions::ignore_unused
};

struct ConvertReport {
  std::string dialect;  // of the written checkpoint
  int64_t layers = 0, tensors = 0;
  int64_t bytes = 0;                  // of the weights
  std::vector<int64_t> exits;         // layers
  std::vector<std::string> files;     // names, in the order of writing
  std::vector<std::string> notes;     // what was left out or accepted, one line each
  std::vector<std::string> warnings;  // why answers may be wrong, one line each
};

// Reads the checkpoint directory `source` and writes `target`: model.safetensors, config.json,
// exit_policy.json if there is a policy, and copies of the tokenizer's files. `target` must not
// exist, or be an empty directory; it appears complete or not at all. With the same dtype, and with
// nothing left out, it gives the answers of `source` bit for bit. Returns nullopt if *stop became
// true; then nothing was written. Throws Error(model) for a source that cannot be read, Error(usage)
// for exits or layers that do not exist, and Error(output).
std::optional<ConvertReport> convert_checkpoint(const std::string& source,
                                                const std::string& target,
                                                const ConvertOptions& options = {},
                                                const std::atomic<bool>* stop = nullptr);

// Reads "float32", "float16" or "bfloat16". Throws Error(usage).
StoredType parse_stored_type(const std::string& name);

}  // namespace costeff
