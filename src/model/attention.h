#pragma once

// Attention over packed tokens, after the projections of queries, keys and values.

#include <cstdint>

#include "kernels/kernel_table.h"
#include "model/layer.h"

namespace costeff::model {

// Projected queries, keys and values of a batch: element (t, c) of head h is at
// [t * ld + h * d + c].
struct QueryKeyValue {
  const float* query = nullptr;
  int64_t ld_query = 0;
  const float *key = nullptr, *value = nullptr;
  int64_t ld = 0;  // of key and value
};

// What scores are multiplied by before the softmax: 1 / sqrt(d).
float score_scale(int64_t head_size);

// Computes all heads of all sequences: context [rows, A] = softmax(q k^T / sqrt(d)) v. There is a query
// for every token or, if first_only, only for the first token of each sequence. The crew divides the
// pairs of sequence and head among its threads; they have met when this returns.
void attend_all(const kernels::KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                const PackedView& view, bool first_only, const QueryKeyValue& a, float* context,
                int64_t ldc, const Workspace& work);

// The same for only the first tokens, context [B, A], without projecting keys and values. With one
// query for each sequence it is cheaper to project the query back to the hidden states than to project
// all of them:
//   q (x Wk^T + bk)^T = (q Wk) x^T + c      c is the same for all keys, so softmax ignores it
//   p (x Wv^T + bv) = (p x) Wv^T + bv       as the probabilities p add up to 1
// This takes 2 H (A + heads T) multiply-accumulates for a sequence of T tokens instead of 2 H A T.
//   query: [B, A], projected.   x: [T, H], the layer's input.   w: folded.
void attend_folded(const kernels::KernelTable& kernels, const LayerShape& shape,
                   const LayerWeights& w, const PackedView& view, const float* query,
                   int64_t ld_query, const float* x, float* context, int64_t ldc,
                   const Workspace& work);

// The number of floats in LayerScratch::qkv that attend_folded uses.
int64_t folded_floats(const LayerShape& shape, const LayerWeights& w, int64_t sequences);

}  // namespace costeff::model
