#pragma once

// Drops exits or layers of a model before it is saved. Layers are numbered from 1.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/spec.h"

namespace costeff::runtime {

// Keeps the off-ramps after these layers. The final classifier always stays, listed or not. Throws
// Error(usage) for a layer that has no exit.
void keep_exits(model::Model* m, std::span<const int64_t> layers);

// Drops encoder layers, with their exits; those after them move up. The final classifier moves to the
// layer that is now the last and replaces an off-ramp there. Throws Error(usage) for a layer that does
// not exist, for all layers at once, and if an exit would have fewer hidden states than its classifier
// reads.
void drop_layers(model::Model* m, std::span<const int64_t> layers);

// Drops an exit policy that needs a missing exit. Returns a line that says so, or nothing.
std::vector<std::string> drop_misfit_policy(model::Model* m);

}  // namespace costeff::runtime
