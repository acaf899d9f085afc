#pragma once

// The room's face: a checkpoint directory in, a Model out.
//   containers     file -> TensorSet: safetensors.cpp; torch_file.cpp over zip_reader.cpp, pickle.cpp
//   weights.cpp    which file(s) a directory has, shards
//   config.cpp     config.json -> Config; exit_policy.cpp: exit_policy.json
//   source.cpp     tensors under canonical names, checked access; encoder.cpp, heads.cpp over it
//   foreign_tensors.cpp   what the engine does not compute is refused
//   dialects.cpp   which dialect the tensors are; dialect_*.cpp -> Model; cofi_fold.cpp: zs.pt
// Every offset, length, shape and name is checked before it is used; a wrong file is an
// Error(model).

#include <string>

#include "base/tensor.h"
#include "model/spec.h"

namespace costeff::checkpoint {

struct Config;

// Reads DIR/config.json, the weights and DIR/exit_policy.json. ignore_unused: as in LoadOptions.
// config, if not null, gets config.json as it was understood.
model::Model load_model(const std::string& dir, bool ignore_unused = false,
                        Config* config = nullptr);

}  // namespace costeff::checkpoint
