#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace costeff::checkpoint {

struct TensorToWrite {
  std::string name;
  const Tensor* tensor = nullptr;  // of a weight dtype
  DType dtype = DType::f32;        // to store it as: F32, F16 or BF16
};

// Writes a new safetensors file: the larger element types first, so that all data are aligned, then
// by name, which is the order of the safetensors library; the header is filled up to a multiple
// of 8. Memory: a fixed buffer. False: *stop became true, the file is not whole. Throws
// Error(output), also for a number that the new dtype has no room for.
bool write_safetensors(const std::string& path, std::vector<TensorToWrite> tensors,
                       const std::atomic<bool>* stop = nullptr);

// Elements [begin, begin + count) of t as `dtype`, little-endian, into out. Numbers are rounded to
// nearest, ties to even (float64 by way of float32, which the engine computes with); the bits stay
// where the dtype is t's own. Throws Error(output) for a finite
// number that becomes infinite.
void convert_elements(const Tensor& t, DType dtype, int64_t begin, int64_t count, std::byte* out);

}  // namespace costeff::checkpoint
