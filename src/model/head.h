#pragma once

#include <cstdint>

#include "model/layer.h"
#include "model/spec.h"
#include "model/weights.h"

namespace costeff::model {

// Scratch memory for exits; grows to the largest batch seen.
struct HeadScratch {
  FloatBuffer joined, pooled;
  ByteBuffer rows;
};

// pooled [B, H]: row b is the first row of sequence b in x [T, H], or the mean of all its rows.
void pool(Pooling pooling, const PackedView& view, int64_t hidden, const float* x, float* pooled);

// The last `n` pooled states [B, H] of a head, oldest first, side by side or their mean: joined
// [B, n H] or [B, H].
void join(const Head& head, int64_t hidden, int64_t sequences, const float* const* states,
          int64_t n, float* joined);

// x = 1 / (1 + e^-x), computed in double.
void sigmoid(float* x, int64_t count);

// Computes the logits of one exit for B sequences:
//   logits = classifier(act(pooler(join(history)))), with pooler and activation if the head has them
//   history: `available` pooled hidden states [B, H], oldest first, the last one that of head.layer;
//            the last head.last_n_hidden of them are joined.
//   logits: [B, C].
//   uncertain: [B], sigmoid(lte(act(pooler(..)))) if the head has an lte (BERxiT); otherwise left
//              as it is.
// Every thread of the crew calls it, with the leader's scratch; they have met when it returns.
void run_head(const kernels::KernelTable& kernels, const Head& head, const HeadWeights& w,
              int64_t hidden, int64_t sequences, const float* const* history, int64_t available,
              float* logits, float* uncertain, HeadScratch* scratch, const Crew& crew = {});

// Question answering: computes the start and end logits [T, 2] of all tokens in x [T, H].
void run_token_head(const kernels::KernelTable& kernels, const HeadWeights& w, int64_t hidden,
                    int64_t tokens, const float* x, float* logits, HeadScratch* scratch);

}  // namespace costeff::model
