#pragma once

// Pruning that was not made permanent: torch.nn.utils.prune keeps X.weight as the product of
// X.weight_orig and X.weight_mask.

#include "checkpoint/source.h"

namespace costeff::checkpoint {

// Replaces every such pair by its product, which s.set owns, in the type of the weights. Throws
// Error(model) for one without the other, for a pair beside the weight itself, and for a mask that
// holds anything but 0 and 1.
void multiply_masks(Source& s);

}  // namespace costeff::checkpoint
