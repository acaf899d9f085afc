#pragma once

// What the readers of weight files share.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensor.h"

namespace costeff::checkpoint {

// More dimensions than any tensor has (CoFi's masks have 5). A pickle can give one shape to a
// million tensors in a few bytes each, so this bounds memory, and the length of messages.
inline constexpr size_t kMaxRank = 16;

// Bytes of a contiguous tensor. False when its bits do not fit int64_t, or are no whole bytes.
// Zeros do not hide a product that overflows: [0, 2^62, 2^62] is false too, so that any part of the
// shape may be multiplied later.
bool tensor_bytes(const std::vector<int64_t>& shape, DType dtype, int64_t* bytes);

// "m/model.safetensors: tensor NAME: ", control characters of the name made visible.
std::string tensor_place(const std::string& file, std::string_view name);

// What a file is that is no weight file of the expected kind, as far as its first bytes tell: "is
// empty", "begins with \"version https://git-lfs\": a Git LFS pointer, ...". Empty: nothing known.
std::string foreign_content(std::span<const std::byte> bytes);

}  // namespace costeff::checkpoint
