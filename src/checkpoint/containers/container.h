#pragma once

// What the readers of weight files have in common.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensors/tensor.h"

namespace costeff::checkpoint {

// No tensor has as many dimensions (CoFi's masks have 5). A pickle can give one shape to a million
// tensors in a few bytes each, so this bounds memory and the length of messages.
inline constexpr size_t kMaxRank = 16;

// Computes the bytes of a contiguous tensor. Returns false if its bits overflow int64_t or are no
// whole number of bytes. A zero does not hide an overflow: [0, 2^62, 2^62] is false too, so that any
// part of the shape may be multiplied later.
bool tensor_bytes(const std::vector<int64_t>& shape, DType dtype, int64_t* bytes);

// "m/model.safetensors: tensor NAME: ", with the name's control characters made visible.
std::string tensor_place(const std::string& file, std::string_view name);

// Says what else a file is if its first bytes show it: "is empty (0 bytes)", "is a GGUF file",
// "begins with \"version https://git-lfs\": a Git LFS pointer, ...". Otherwise returns "".
std::string foreign_content(std::span<const std::byte> bytes);

}  // namespace costeff::checkpoint
