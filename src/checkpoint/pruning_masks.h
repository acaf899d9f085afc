#pragma once

// Pruning that was not made permanent: torch.nn.utils.prune keeps X.weight as X.weight_orig times
// X.weight_mask.

#include "checkpoint/source.h"

namespace costeff::checkpoint {

// Puts the product in the place of every such pair, owned by s.set, in the type of the weights.
// Throws Error(model) for one without the other, for both beside the weight itself, and for a mask
// that holds anything but 0 and 1.
void multiply_masks(Source& s);

}  // namespace costeff::checkpoint
