#pragma once

// Gradients of a loss with respect to masks of heads and neurons, all 1. A mask multiplies columns of the
// sublayer's output matrix, so its gradient is the sum of weight times weight gradient over those columns:
// the backward pass of training has them.

#include <vector>

#include "grad/network.h"
#include "prune/search.h"
#include "train/losses.h"

namespace costeff::prune {

// Whether a parameter's gradient is not needed for them: to freeze it.
bool needs_no_gradient(const model::Parameter& p);

// Layers without units for `batches` batches.
std::vector<MaskGradients> empty_gradients(const model::Architecture& arch, int64_t batches);

// Writes those of the gradients that `w` holds as batch `number`. The matrices take one thread each layer.
void read_gradients(const grad::TrainedWeights& w, int64_t number, const Crew& crew,
                    std::vector<MaskGradients>* to);

}  // namespace costeff::prune
