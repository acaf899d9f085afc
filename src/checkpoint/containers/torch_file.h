#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/tensors/tensor.h"

namespace costeff::checkpoint {

// What torch.save writes, in memory: a zip archive (PyTorch 1.6 and later) or the legacy stream.
// Tensors are views of `bytes`, which `owner` keeps alive, or of buffers the set owns; `file` names
// it in messages. Throws Error(model).
TensorSet parse_torch(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                      const std::string& file);

}  // namespace costeff::checkpoint
