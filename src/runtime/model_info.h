#pragma once

#include <costeff/engine.h>

#include "model/spec.h"

namespace costeff::runtime {

// What `costeff inspect` shows of a model. The tokenizer, path and policy are left to the caller.
ModelInfo describe(const model::Model& model);

}  // namespace costeff::runtime
