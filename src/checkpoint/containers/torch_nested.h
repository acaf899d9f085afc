#pragma once

// Training scripts save a dict of everything: {"epoch": 3, "model_state_dict": {...},
// "optimizer_state_dict": {...}}. The state dict is found in it.

#include <string>

#include "checkpoint/containers/pickle.h"

namespace costeff::checkpoint {

struct StateDict {
  PickleValue dict;   // of kind dict
  std::string key;    // of the outer dict: "model_state_dict"; empty: `dict` is the outer one
  size_t others = 0;  // entries of the outer dict beside it; 0 if it is the outer one
};

// Which dict of `pickle` has the tensors of a known encoder: the top one, or one of its values
// whatever its name. The top one also where none has (masks, other models). Throws Error(model) when
// the top is no dict, and when there is more than one to choose from; the message begins with `file`.
StateDict find_state_dict(const Pickle& pickle, const std::string& file);

}  // namespace costeff::checkpoint
