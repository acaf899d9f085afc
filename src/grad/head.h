#pragma once

// The exits of training.

#include <cstdint>
#include <span>
#include <vector>

#include "grad/dropout.h"
#include "grad/linear.h"
#include "grad/reserve.h"

namespace costeff::grad {

struct HeadRecord {
  std::vector<const float*> history;  // pooled states [B, H] that it reads, oldest first
  std::vector<float*> d_history;      // their gradients; null: not asked for
  FloatBuffer joined;                 // [B, width]: pooled states side by side, or their mean
  FloatBuffer pre, pooled;  // [B, R]: before and after the activation (and dropout: dropped)
  FloatBuffer dropped;
  FloatBuffer logits;                      // [B, C]
  FloatBuffer uncertain;                   // [B]: sigmoid(lte(pooled))
  FloatBuffer d_dropped, d_joined, d_lte;  // gradients; d_dropped becomes that of `pre`
};

// A map that several exits share (PABEE's pooler, BERxiT's lte) gets its gradient from all of them at
// once, row by row, so that micro-batches add up to the same bits.
struct SharedMap {
  const TrainedLinear* map = nullptr;
  bool lte = false;           // else it is the pooler
  std::vector<size_t> users;  // exits
  FloatBuffer d, x;           // [B users, out], [B users, in]
};

// The gradient of the loss at an exit; null: the loss does not read it.
struct HeadGradient {
  const float* logits = nullptr;     // [B, C]
  const float* uncertain = nullptr;  // [B]: of the lte's sigmoid
};

// Whether it answers, and not only trains its pooler and lte (train/last_ramp.h).
inline bool has_classifier(const model::Head& head) { return head.classifier.out > 0; }

// The vector that an exit classifies: size of its pooler's result, or of the joined states.
int64_t pooled_size(const model::Head& head, int64_t hidden);
int64_t joined_size(const model::Head& head, int64_t hidden);

// Called by the leader alone, before the other threads proceed.
void reserve_head(const model::Head& head, int64_t hidden, int64_t rows, Reserve* reserve,
                  HeadRecord* record);

// Mean or first token of each row: x [T, H] -> pooled [B, H]. The crew has met when it returns.
void pool_forward(const model::Pooling& pooling, const Batch& batch, int64_t hidden,
                  const Crew& crew, const float* x, float* pooled);
// Adds to d [T, H] what d_pooled [B, H] says of it.
void pool_backward(const kernels::GradTable& grad, const model::Pooling& pooling,
                   const Batch& batch, int64_t hidden, const Crew& crew, const float* d_pooled,
                   float* d);

// Exit number `index` on the pooled states of its history, oldest first: as many [B, H] as
// head.last_n_hidden. A head without a classifier (out 0) has an lte alone.
void head_forward(const TrainedWeights& w, const model::Head& head, int64_t index,
                  const Batch& batch, const Dropout& dropout, const Crew& crew,
                  std::span<const float* const> history, HeadRecord* record,
                  LinearScratch* scratch);

// Adds to the gradients of its parameters, those of shared maps excepted, and, unless a pointer is
// null, to those of the pooled states.
void head_backward(TrainedWeights* w, const model::Head& head, int64_t index, const Batch& batch,
                   const Dropout& dropout, const Crew& crew, const HeadGradient& gradient,
                   std::span<float* const> d_history, bool pooler_is_shared, bool lte_is_shared,
                   HeadRecord* record, LinearScratch* scratch);

// Adds the gradients of a shared map, after head_backward of all its users that a loss reads.
void shared_gradient(TrainedWeights* w, SharedMap* shared, int64_t rows, const Crew& crew,
                     std::span<const HeadGradient> gradients, std::span<const HeadRecord> records,
                     LinearScratch* scratch);

}  // namespace costeff::grad
