#pragma once

#include <cstdint>

#include "model/layer.h"
#include "model/spec.h"
#include "model/weights.h"

namespace costeff::model {

// Embedding output of packed tokens:
//   x[t] = LayerNorm(word[ids[t]] + position[p] + type[types[t]])
// p is the token's place in its sequence, or for RoBERTa what its pad token makes of it (Embeddings).
// ids, types: [T], in range (the caller has checked). x: [T, H]. Rows are gathered in their stored
// type; a factorised word embedding (COST-EFF) is multiplied out once a token. The scratch is used
// for that. Throws Error(model) when a row that is used is not finite.
void embed(const kernels::KernelTable& kernels, const Model& model, const EmbeddingWeights& w,
           const PackedView& view, const int32_t* ids, const int32_t* types, float* x,
           LayerScratch* scratch);

}  // namespace costeff::model
