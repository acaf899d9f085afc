#pragma once

#include <costeff/engine.h>

#include <string>

#include "model/spec.h"

namespace costeff::runtime {

// What `costeff inspect` shows of a model, except for tokenizer, path and policy, which the caller sets.
ModelInfo describe(const model::Model& model);

// The properties of a model that decide which policies it can run.
ModelExits exits_of(const model::Model& model);

// How an exit reads the hidden states: "first token", "mean over tokens, concat of the last 2 hidden
// states".
std::string reading_text(const model::Head& head);

// Throws Error(model) that begins with `place`, the path of exit_policy.json, if the model's own
// policy cannot run on it.
void check_own_policy(const model::Model& model, const std::string& place);

}  // namespace costeff::runtime
