#pragma once

// Compares two checkpoints as the engine reads them. Their containers, dialects and the names in their
// files do not matter.

#include <costeff/engine.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace costeff {

struct TensorDifference {
  std::string name;                // canonical, as `costeff convert` writes it
  std::optional<TensorInfo> a, b;  // as in the files; absent: only the other model has it
  // If both exist and have the same shape, element by element as float32:
  bool same_bits = false;
  double max_difference = 0;  // infinite if an element is a number in only one of them
};

// Other things that change answers: activation, layer_norm_eps, labels, exit policy, ...
struct SettingDifference {
  std::string name, a, b;
};

struct ExitDifference {
  int64_t layer = 0;
  bool in_a = false, in_b = false;
  // If both have it, with the same labels:
  double max_difference = 0;        // of the logits over all rows
  int64_t label_disagreements = 0;  // rows
};

struct ModelDifference {
  std::string dialect_a, dialect_b;
  std::vector<TensorDifference> tensors;    // all, sorted by name
  std::vector<SettingDifference> settings;  // only those that differ
  std::vector<ExitDifference> exits;        // by layer
  int64_t rows = 0;                         // on which the exits were compared
  std::vector<std::string> warnings;        // of both models: ModelInfo::warnings

  // Whether no weight and no logit differs by more than `tolerance`; 0: in any bit. Stored dtypes and
  // dialects may differ.
  bool same(double tolerance) const;
};

struct DiffOptions {
  std::string isa;             // as LoadOptions
  EncodeOptions encode;        // max_length 0: the shorter of the models' defaults
  int64_t threads = 0;         // as RunOptions
  bool ignore_unused = false;  // as LoadOptions
};

// Reads `rows` to its end, or until *stop becomes true. Throws what Engine throws.
ModelDifference diff_checkpoints(const std::string& a, const std::string& b, const Source& rows,
                                 const DiffOptions& options = {},
                                 const std::atomic<bool>* stop = nullptr);

}  // namespace costeff
