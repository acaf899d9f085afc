#pragma once

// COST-EFF's slender embedding: the word embedding as the product of two factors.

#include <cstdint>

#include "model/spec.h"

namespace costeff::prune {

// Word vectors become the best product [V, r] x [r, H] of rank `rank` (singular value decomposition), also
// where they are a product already. rank: 1 to H. The weights must be in float32 storage.
void factorise_embedding(model::Model* m, int64_t rank);

}  // namespace costeff::prune
