#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/tensors/tensor.h"

namespace costeff::checkpoint {

// Reads a safetensors file in memory: u64 length n, n bytes of JSON, data. The tensors are views of
// `bytes`, which `owner` keeps alive; `file` names it in messages. Throws Error(model) for what the
// safetensors library refuses too: a header over 100 MB, tensors that do not tile the data section
// exactly, entries other than {name: {dtype, shape, data_offsets}}.
TensorSet parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& file);

}  // namespace costeff::checkpoint
