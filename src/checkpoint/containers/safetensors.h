#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/tensor.h"

namespace costeff::checkpoint {

// A safetensors file that lies in memory: u64 length n, n bytes of JSON, data. The tensors are
// views of `bytes`, which `owner` keeps alive; `file` names it in messages. Refused, as the
// safetensors library does: a header over 100 MB, tensors that do not tile the data section
// exactly, whatever is not {name: {dtype, shape, data_offsets}}. Throws Error(model).
TensorSet parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& file);

}  // namespace costeff::checkpoint
