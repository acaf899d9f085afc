#pragma once

// Training scripts save everything in one dict: {"epoch": 3, "model_state_dict": {...},
// "optimizer_state_dict": {...}}. The state dict is found in it here.

#include <string>

#include "checkpoint/containers/pickle.h"

namespace costeff::checkpoint {

struct StateDict {
  PickleValue dict;   // of kind dict
  std::string key;    // in the outer dict: "model_state_dict"; empty: `dict` is the outer one
  size_t others = 0;  // the number of other entries of the outer dict; 0 if it is the outer one
};

// Returns the dict of `pickle` that has the tensors of a known encoder: the top one, or one of its
// values, whatever its key. If none has (masks, other models) it returns the top one. Throws an
// Error(model) that begins with `file` if the top is no dict, or if several dicts have an encoder.
StateDict find_state_dict(const Pickle& pickle, const std::string& file);

}  // namespace costeff::checkpoint
