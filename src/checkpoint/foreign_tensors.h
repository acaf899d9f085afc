#pragma once

// Tensors that show that the model computes something else: adapters, LoRA, masks of movement pruning,
// and anything in the encoder that the engine does not know. Without them its answers would be wrong.

#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// Called before the build, which would miss the weights that such tensors replace. Throws Error(model)
// for the first in order of names that is known by its name. Does nothing if s.ignore_unused.
void refuse_known_foreign(const Source& s);

// Called after the build. Throws Error(model) for the first tensor that was not used and is neither
// outside the model nor a known leftover. If s.ignore_unused, it adds a warning instead, for tensors
// of both kinds.
void refuse_unknown(Source& s);

}  // namespace costeff::checkpoint
