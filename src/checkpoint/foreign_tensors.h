#pragma once

// Tensors that say the model was meant to compute something else: adapters, LoRA, masks of
// movement pruning, whatever the engine does not know inside the encoder. The answers without them
// would be wrong.

#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// Before the build, which would miss the weights that such tensors stand for: throws Error(model)
// for the first (by name) that is known by its name. Nothing when s.ignore_unused.
void refuse_known_foreign(const Source& s);

// After the build: the same of the first tensor that was not used and is neither outside the model
// nor a known leftover. When s.ignore_unused, a warning instead, of both kinds.
void refuse_unknown(Source& s);

}  // namespace costeff::checkpoint
