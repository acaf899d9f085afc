#pragma once

// Attention of training: the formulas of model/attention.h with dropout on the probabilities, and
// their gradients.

#include <cstdint>

#include "grad/dropout.h"
#include "grad/reserve.h"
#include "grad/weights.h"

namespace costeff::grad {

// A thread's memory, enough for the longest row.
struct AttentionScratch {
  FloatBuffer scores, other, transposed;
  ByteBuffer packed, rows;
};

void reserve_attention(const TrainedWeights& w, int64_t head_size, int64_t longest, bool backward,
                       Reserve* reserve, AttentionScratch* scratch);

// Queries, keys and values of head h are columns [h d, (h + 1) d) of each.
struct HeadColumns {
  int64_t heads = 0, head_size = 0;
};

// context [T, ld_context] = softmax(q k^T / sqrt(d)) v in each row and head. query, key, value: [T]
// rows, ld apart. Places of no token get 0. The crew has met when it returns.
void attention_forward(const TrainedWeights& w, const HeadColumns& shape, int64_t layer,
                       const Batch& batch, const Dropout& dropout, const Crew& crew,
                       const float* query, const float* key, const float* value, int64_t ld,
                       float* context, int64_t ld_context, AttentionScratch* own);

// The gradients of queries, keys and values for that of the context. Places of no token get 0.
void attention_backward(const TrainedWeights& w, const HeadColumns& shape, int64_t layer,
                        const Batch& batch, const Dropout& dropout, const Crew& crew,
                        const float* query, const float* key, const float* value, int64_t ld,
                        const float* d_context, int64_t ld_context, float* d_query, float* d_key,
                        float* d_value, AttentionScratch* own);

}  // namespace costeff::grad
