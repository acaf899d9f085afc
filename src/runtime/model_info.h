#pragma once

#include <costeff/engine.h>

#include <string>

#include "model/spec.h"

namespace costeff::runtime {

// What `costeff inspect` shows of a model, except tokenizer, path and policy, which the caller
// sets.
ModelInfo describe(const model::Model& model);

// Throws Error(model) that begins with `place`, the path of exit_policy.json, if the model's own
// policy cannot run on it.
void check_own_policy(const model::Model& model, const std::string& place);

}  // namespace costeff::runtime
