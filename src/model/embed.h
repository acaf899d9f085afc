#pragma once

#include <cstdint>

#include "model/layer.h"
#include "model/spec.h"
#include "model/weights.h"

namespace costeff::model {

// Embeds packed tokens:
//   x[t] = LayerNorm(word[ids[t]] + position[p] + type[types[t]])
// p is the token's place in its sequence; RoBERTa counts differently (Embeddings::position_offset). ERNIE
// also adds task[0]; ELECTRA and ALBERT map the result to H.
//   ids, types: [T], in range: the caller has checked.   x: [T, H].
// Rows are read in their stored type. A factorised word embedding (COST-EFF) is multiplied out for each
// token, in the scratch memory. Throws Error(model) if a row in use is not finite.
void embed(const kernels::KernelTable& kernels, const Model& model, const EmbeddingWeights& w,
           const PackedView& view, const int32_t* ids, const int32_t* types, float* x,
           LayerScratch* scratch);

}  // namespace costeff::model
