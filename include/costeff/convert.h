#pragma once

// Any checkpoint that the engine reads, written again as a clean Hugging Face directory.

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
  std::optional<StoredType> dtype =
      {};  // absent: each tensor keeps its own (float64 becomes float32)
  // The off-ramps to keep, by the layer they follow, numbered from 1 as in the source. Absent: all.
  // The final classifier stays in any case.
  std::optional<std::vector<int64_t>> exits = {};
  // Absent: as it is. bfloat16, int8: the weights of the layers and the word embedding (and its
  // factor) are stored so, and the model computes so unless told otherwise. int8 tensors NAME
  // [rows, columns] have a float32 tensor NAME_scale [rows] beside them: row r of the weights is
  // NAME_scale[r] NAME[r]. The answers are those of LoadOptions::compute on `source`, bit for bit,
  // except that the word embedding is rounded too. config.json says "costeff": {"compute": "int8"}.
  std::optional<ComputeType> quantise = {};
  std::vector<int64_t> drop_layers = {};  // encoder layers to leave out; this changes the answers
  bool ignore_unused = false;             // as LoadOptions::ignore_unused
};

struct ConvertReport {
  std::string dialect;  // of what was written
  int64_t layers = 0, tensors = 0;
  int64_t bytes = 0;                  // of the weights
  std::vector<int64_t> exits;         // layers
  std::vector<std::string> files;     // names, in the order they were written
  std::vector<std::string> notes;     // what was left out or accepted, one line each
  std::vector<std::string> warnings;  // why answers may be wrong, one line each
};

// Reads the checkpoint directory `source` and writes `target`: model.safetensors, config.json,
// exit_policy.json if there is a policy, and copies of the tokenizer's files. `target` must not
// exist, or be an empty directory; it appears when all is written, or not at all. At equal dtype,
// and with nothing left out, it gives the answers of `source` bit for bit. Throws Error(model) for
// a source that cannot be read, Error(usage) for exits or layers that are not there, Error(output).
// Nullopt: *stop became true; nothing was written.
std::optional<ConvertReport> convert_checkpoint(const std::string& source,
                                                const std::string& target,
                                                const ConvertOptions& options = {},
                                                const std::atomic<bool>* stop = nullptr);

// "float32", "float16", "bfloat16". Throws Error(usage).
StoredType parse_stored_type(const std::string& name);

}  // namespace costeff
