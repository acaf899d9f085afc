#pragma once

// The weight files of a directory, in any container, as tensors by name. Every offset, length, shape
// and name is checked before it is used; a wrong file is an Error(model).

#include <string>

#include "base/tensors/tensor.h"

namespace costeff::checkpoint {

// Throws Error(model) unless `dir` is a directory whose files may be opened.
void check_directory(const std::string& dir);

// Reads the first of these that exists: model.safetensors, model.safetensors.index.json,
// pytorch_model.bin, pytorch_model.bin.index.json. Checksums are not compared until the caller asks
// for it: TensorSet::check_bytes.
TensorSet read_weights(const std::string& dir);

// Reads one safetensors file, which stays mapped.
TensorSet read_safetensors(const std::string& path);

// Reads one file written by torch.save, a zip archive or a legacy stream, which stays mapped. Nothing
// in it is executed.
TensorSet read_torch(const std::string& path);

}  // namespace costeff::checkpoint
