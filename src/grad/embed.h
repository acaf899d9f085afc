#pragma once

// The embeddings of training: LayerNorm(word + position + type), dropout; in ELECTRA and ALBERT then a map
// from E to H (model/embed.h).

#include <cstdint>

#include "grad/dropout.h"
#include "grad/linear.h"
#include "grad/reserve.h"

namespace costeff::grad {

struct EmbeddingRecord {
  std::vector<int32_t> positions;  // [T]: rows of the position table
  FloatBuffer gathered;            // factorised: [T, r], rows of the first factor
  FloatBuffer normed, inverse;     // [T, E], [T]
  FloatBuffer sum;                 // [T, E]: scratch; where hidden units are masked, the sum
  FloatBuffer unmapped;            // [T, E]: what is mapped
};

// Called by the leader alone, before the other threads proceed: memory for it, and the positions of a
// batch.
void reserve_embedding(const TrainedWeights& w, int64_t tokens, Reserve* reserve,
                       EmbeddingRecord* record);
void prepare_embedding(const TrainedWeights& w, const Batch& batch, EmbeddingRecord* record);

// x [T, H].
void embedding_forward(const TrainedWeights& w, const Batch& batch, const Dropout& dropout,
                       const Crew& crew, EmbeddingRecord* record, float* x, LinearScratch* scratch);

// Adds to the gradients of the tables and of the LayerNorm, and to those of hidden units' masks. d [T, H]:
// the gradient of x, which is lost; other [T, H], d_unmapped [T, E], d_rank [T, r]: scratch. The word row
// of the pad token, and in RoBERTa's family its position row, get none.
void embedding_backward(TrainedWeights* w, const Batch& batch, const Dropout& dropout,
                        const Crew& crew, const EmbeddingRecord& record, float* d, float* other,
                        float* d_unmapped, float* d_rank, LinearScratch* scratch);

}  // namespace costeff::grad
