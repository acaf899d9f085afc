#pragma once

// The weight files of a directory, whatever container they are in, as tensors by name. Every offset,
// length, shape and name is checked before it is used; a wrong file is an Error(model).

#include <string>

#include "base/tensor.h"

namespace costeff::checkpoint {

// Throws Error(model) unless `dir` is a directory that may be read.
void check_directory(const std::string& dir);

// The weights of a directory as they are: model.safetensors, model.safetensors.index.json,
// pytorch_model.bin, pytorch_model.bin.index.json, the first of these that is there. Checksums are
// the caller's to ask for: TensorSet::check_bytes.
TensorSet read_weights(const std::string& dir);

// One safetensors file, mapped.
TensorSet read_safetensors(const std::string& path);

// One file written by torch.save: zip archive or legacy stream. Nothing in it is executed.
TensorSet read_torch(const std::string& path);

}  // namespace costeff::checkpoint
