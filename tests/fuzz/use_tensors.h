#pragma once

// What the fuzzers of containers do with a file that was accepted: look at every byte of its
// tensors.

#include <costeff/error.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/tensors/tensor.h"
#include "fuzz/check.h"

namespace costeff::fuzz {

inline void use(const TensorSet& set) {
  uint64_t sum = 0;
  int64_t left = 1 << 20;  // bytes; views may show the same storage many times
  for (const Tensor& t : set.tensors) {
    require(set.find(t.name) != nullptr && t.bytes() >= 0);
    const int64_t bytes = std::min(left, t.bytes());
    for (int64_t i = 0; i < bytes; ++i) sum += std::to_integer<uint64_t>(t.data[i]);
    if (t.bytes() > 0) sum += std::to_integer<uint64_t>(t.data[t.bytes() - 1]);
    left -= bytes;
    if (is_weight_dtype(t.dtype) && t.numel() < 4096) {
      std::vector<float> out(static_cast<size_t>(t.numel()));
      to_float32(t, out.data());
    }
  }
  if (set.check_bytes) set.check_bytes(set);
  [[maybe_unused]] volatile uint64_t keep = sum;
}

// An Error is a right answer if its text is one line of printable bytes; all else is a finding.
template <typename F>
void parse(F&& f) {
  try {
    use(f());
  } catch (const Error& e) {
    check_error(e);
  }
}

}  // namespace costeff::fuzz
