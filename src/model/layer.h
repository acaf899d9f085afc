#pragma once

// One encoder layer on packed tokens.

#include <chrono>
#include <cstdint>

#include "base/aligned.h"
#include "base/threads/crew.h"
#include "kernels/kernel_table.h"
#include "model/spec.h"
#include "model/weights.h"

namespace costeff::model {

// Sequences that follow each other in x [T, H]: sequence b has rows start[b] .. start[b + 1] - 1.
struct PackedView {
  int64_t sequences = 0;           // B
  const int32_t* start = nullptr;  // [B + 1], start[B] == T
  // [B]: the number of tokens that are attended to, from the first; the rest of a sequence is padding
  // (RunOptions::pad_to).
  const int32_t* real = nullptr;
  int64_t tokens() const { return start[sequences] - start[0]; }
};

// Scratch memory; grows to the largest batch seen.
struct LayerScratch {
  FloatBuffer qkv, query, context, projected, hidden;  // a crew uses its leader's
  ByteBuffer rows;
  FloatBuffer scores;                 // each thread has its own, and of the next two
  ByteBuffer packed, attention_rows;  // keys and values; prepared queries and scores
  // When the feed-forward of the last run began, for the times by stage.
  std::chrono::steady_clock::time_point ffn_began;
};

// The threads that compute a layer, and their memory.
struct Workspace {
  Crew crew;
  LayerScratch* shared;  // the leader's
  LayerScratch* own;     // this thread's; the leader's is the shared one
  Workspace(LayerScratch* alone) : shared(alone), own(alone) {}
  Workspace(const Crew& c, LayerScratch* of_leader, LayerScratch* mine)
      : crew(c), shared(of_leader), own(mine) {}
};

// What a layer needs to know of its model besides the weights.
struct LayerShape {
  int64_t hidden_size = 0, head_size = 0;
  Activation activation = Activation::gelu_erf;
  float layer_norm_eps = 0;
};
LayerShape layer_shape(const Architecture& arch);

// Post-norm BERT layer (Devlin et al. 2019), in place on x [T, H]:
//   x = LayerNorm(x + attention(x));  x = LayerNorm(x + ffn(x))
// An absent sublayer is the identity, including its LayerNorm (CoFi, Xia et al. 2022); one without units
// is LayerNorm(x + bias).
// Every thread of the crew calls it; they have met when it returns.
void run_layer(const kernels::KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
               const PackedView& view, float* x, const Workspace& work);

// The same for only the first token of each sequence: reads x [T, H], writes first [B, H]. Everything
// but keys and values is computed for one token of each sequence, with the same bits as in run_layer.
// With folded weights, which only this function accepts, keys and values are not computed at all
// (attend_folded).
void run_layer_first(const kernels::KernelTable& kernels, const LayerShape& shape,
                     const LayerWeights& w, const PackedView& view, const float* x, float* first,
                     const Workspace& work);

}  // namespace costeff::model
