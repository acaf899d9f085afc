#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/tensors/tensor.h"
#include "checkpoint/containers/pickle.h"

namespace costeff::checkpoint {

// The globals that a state dict needs. A pickle that names any other is refused.
std::span<const std::string_view> torch_globals();

// A tensor is a view of a storage, which has the persistent id ('storage', torch.FloatStorage, key,
// location, numel[, None]). The location ("cuda:0") does not matter.
struct StorageRef {
  std::string_view key;
  DType dtype = DType::f32;
  int64_t numel = 0;  // of the storage
};

// Throws an Error(model) that begins with `place`.
StorageRef storage_ref(const Pickle& pickle, const PickleValue& storage, const std::string& place);

// Whether it is a call of one of the functions that rebuild a tensor.
bool is_torch_tensor(const Pickle& pickle, const PickleValue& value);

// Where the bytes of storages are.
struct TorchStorages {
  std::unordered_map<std::string_view, std::span<const std::byte>> by_key;
  std::string prefix;  // before the key, for messages: "archive/data/"
};

// Adds the tensors of the state dict (torch_nested.h) to *set, and a note on values that are no
// tensors. A contiguous tensor is a view of its storage. Others (transposed, expanded) are copied; in
// all the copies take at most 4 GiB, and at most four times `file_size` and a MiB. Returns the keys of
// the storages in use. Throws Error(model).
std::unordered_set<std::string_view> add_state_dict(const Pickle& pickle,
                                                    const TorchStorages& storages,
                                                    uint64_t file_size, TensorSet* set);

}  // namespace costeff::checkpoint
