#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/tensors/tensor.h"

namespace costeff::checkpoint {

struct TensorToWrite {
  std::string name;
  const Tensor* tensor = nullptr;  // of a weight dtype
  DType dtype = DType::f32;        // to store it as
};

// Writes a new safetensors file, in the order of the safetensors library: the larger element types
// first, so that all data are aligned, then by name. The header is padded to a multiple of 8 bytes.
// Needs no more memory than a fixed buffer. Returns false if *stop became true; the file is then
// incomplete. Throws Error(output), also for a number that is too large for the new dtype.
bool write_safetensors(const std::string& path, std::vector<TensorToWrite> tensors,
                       const std::atomic<bool>* stop = nullptr);

// Writes elements [begin, begin + count) of t as `dtype`, little-endian, to out. If that is t's own
// dtype, the bits stay. Otherwise numbers are rounded to nearest, ties to even, float64 to float32
// first, as the engine does. Throws Error(output) if a finite number becomes infinite.
void convert_elements(const Tensor& t, DType dtype, int64_t begin, int64_t count, std::byte* out);

}  // namespace costeff::checkpoint
