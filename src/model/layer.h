#pragma once

// One encoder layer on packed tokens.

#include <chrono>
#include <cstdint>

#include "base/aligned.h"
#include "base/crew.h"
#include "kernels/kernel_table.h"
#include "model/spec.h"
#include "model/weights.h"

namespace costeff::model {

// Sequences that lie end to end in x [T, H]: sequence b has rows start[b] .. start[b + 1].
struct PackedView {
  int64_t sequences = 0;           // B
  const int32_t* start = nullptr;  // [B + 1], start[B] == T
  // [B] tokens that are attended to, the first ones of each sequence; the others are padding asked
  // for by RunOptions::pad_to.
  const int32_t* real = nullptr;
  int64_t tokens() const { return start[sequences] - start[0]; }
};

// Scratch memory; grows to the largest batch seen.
struct LayerScratch {
  FloatBuffer qkv, query, context, projected, hidden;  // a crew works on its leader's
  ByteBuffer rows;
  FloatBuffer scores;                 // each thread's own, as these
  ByteBuffer packed, attention_rows;  // keys and values; queries and scores made ready
  // When the feed-forward of the layer run last was begun, for who tells time by stage.
  std::chrono::steady_clock::time_point ffn_began;
};

// Who computes a layer, and with what memory.
struct Workplace {
  Crew crew;
  LayerScratch* shared;  // the leader's
  LayerScratch* own;     // this thread's; the leader's is the shared one
  Workplace(LayerScratch* alone) : shared(alone), own(alone) {}
  Workplace(const Crew& c, LayerScratch* of_leader, LayerScratch* mine)
      : crew(c), shared(of_leader), own(mine) {}
};

// The numbers of a model that a layer needs besides its weights.
struct LayerShape {
  int64_t hidden_size = 0, head_size = 0;
  Activation activation = Activation::gelu_erf;
  float layer_norm_eps = 0;
};
LayerShape layer_shape(const Architecture& arch);

// Post-norm BERT layer (Devlin et al. 2019), in place on x [T, H]:
//   x = LayerNorm(x + attention(x));  x = LayerNorm(x + ffn(x))
// A sublayer that is absent is the identity, its LayerNorm included (CoFi, Xia et al. 2022).
// Every thread of the crew calls it; they have met when it returns.
void run_layer(const kernels::KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
               const PackedView& view, float* x, const Workplace& place);

// The same for the first token of each sequence alone: x [T, H] is read, first [B, H] is written.
// All but keys and values is computed for one token a sequence; the numbers are those of run_layer,
// bit for bit. With folded weights, which only this function takes, nor are they computed for more
// (attend_folded).
void run_layer_first(const kernels::KernelTable& kernels, const LayerShape& shape,
                     const LayerWeights& w, const PackedView& view, const float* x, float* first,
                     const Workplace& place);

}  // namespace costeff::model
