#pragma once

// A model without the units whose masks are 0, its weights times the other masks.

#include <vector>

#include "grad/masks.h"
#include "model/spec.h"

namespace costeff::prune {

// Exactly what the masked model computes (grad/masks.h): hidden units' masks go into the embeddings, the
// LayerNorms and the output matrices with their biases. The reference's fold puts them into what reads
// hidden states instead, and leaves the residual stream and one bias alone: another function, near to
// this one where masks are near to 1. (Masks that come in files are folded as it does: cofi_fold.h.)
// Sublayers whose mask is 0 are absent; a sublayer whose mask is not 0 must keep a unit. The weights of
// `m` must be float32, and are not changed.
model::Model fold_masks(const model::Model& m, const grad::Masks& masks);

// The map of layers to a teacher's, for the units that are left: named tensors to be saved beside the
// model. The storage of `keeper` owns their bytes.
std::vector<Tensor> fold_layer_map(const model::Model& m, const model::Linear& map,
                                   const grad::Masks& masks, TensorSet* keeper);

}  // namespace costeff::prune
