#pragma once

// Are two checkpoints the same model? Compared as the engine reads them: whatever their containers,
// dialects and the names in their files.

#include <costeff/engine.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace costeff {

struct TensorDifference {
  std::string name;                // canonical, as `costeff convert` writes it
  std::optional<TensorInfo> a, b;  // as in the files; absent: only the other has it
  // Where both are there and have the same shape, element by element as float32:
  bool same_bits = false;
  double max_difference = 0;  // infinite where one is no number and the other is
};

// What is no tensor and changes answers: activation, layer_norm_eps, labels, exit policy, ...
struct SettingDifference {
  std::string name, a, b;
};

struct ExitDifference {
  int64_t layer = 0;
  bool in_a = false, in_b = false;
  // Where both have it and the same labels:
  double max_difference = 0;        // of the logits over all rows
  int64_t label_disagreements = 0;  // rows
};

struct ModelDifference {
  std::string dialect_a, dialect_b;
  std::vector<TensorDifference> tensors;    // all, sorted by name
  std::vector<SettingDifference> settings;  // those that differ
  std::vector<ExitDifference> exits;        // by layer
  int64_t rows = 0;                         // that the exits were compared on
  std::vector<std::string> warnings;        // of both models: ModelInfo::warnings

  // tolerance 0: all bits of weights and logits. Stored dtypes and dialects may differ.
  bool same(double tolerance) const;
};

struct DiffOptions {
  std::string isa;             // as LoadOptions
  EncodeOptions encode;        // max_length 0: what both models cut to
  int64_t threads = 0;         // as RunOptions
  bool ignore_unused = false;  // as LoadOptions
};

// `rows` is read to its end. Throws what Engine throws.
ModelDifference diff_checkpoints(const std::string& a, const std::string& b, const Source& rows,
                                 const DiffOptions& options = {},
                                 const std::atomic<bool>* stop = nullptr);

}  // namespace costeff
