#pragma once

// Leaves exits or layers out of a model, before it is written again. Layers are numbered from 1.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/spec.h"

namespace costeff::runtime {

// Keeps the off-ramps after these layers. The final classifier always stays, listed or not. Throws
// Error(usage) for a layer that has no exit.
void keep_exits(model::Model* m, std::span<const int64_t> layers);

// Takes encoder layers out; those behind them move up. Exits on them go too, but the final
// classifier comes to stand after the layer that is now the last (in place of an off-ramp there).
// Throws Error(usage) for a layer that is not there, for all of them, and where an exit is left
// with fewer hidden states than its classifier reads.
void drop_layers(model::Model* m, std::span<const int64_t> layers);

// Takes away an exit policy that needs an exit that is gone. Says so: one line, or none.
std::vector<std::string> drop_misfit_policy(model::Model* m);

}  // namespace costeff::runtime
