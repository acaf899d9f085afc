#pragma once

// One encoder layer of training: forward as model/layer.h computes it, keeping what the backward
// pass reads.

#include <cstdint>
#include <vector>

#include "grad/attention.h"
#include "grad/linear.h"

namespace costeff::grad {

// What the forward pass keeps of a layer. Probabilities, activations and LayerNorm's results are
// computed again.
struct LayerRecord {
  FloatBuffer qkv;                    // [T, 3 A]: queries, keys, values
  FloatBuffer context;                // [T, A]
  FloatBuffer inner;                  // [T, F]: before the activation
  FloatBuffer normed[2], inverse[2];  // [T, H], [T]: of the attention's and the feed-forward's norm
};

// Memory of a step, shared by the crew.
struct LayerScratch {
  LinearScratch linear;
  FloatBuffer middle;                       // [T, H]: between attention and feed-forward
  FloatBuffer projected;                    // [T, H]
  FloatBuffer activated, d_inner;           // [T, F]
  FloatBuffer d_context, d_qkv;             // [T, A], [T, 3 A]
  FloatBuffer d_out;                        // [T, H]
  std::vector<AttentionScratch> attention;  // one per thread
};

// The largest product of `rows` rows in embeddings and layers.
LinearSizes largest_products(const model::Architecture& arch, int64_t rows);

// Called by the leader alone, before the other threads proceed.
void reserve_layer(const TrainedWeights& w, const model::Layer& layer, int64_t tokens,
                   Reserve* reserve, LayerRecord* record);
// One record that fits any layer.
void reserve_shared_layer(const TrainedWeights& w, int64_t tokens, Reserve* reserve,
                          LayerRecord* record);
// backward: for layer_backward too.
void reserve_scratch(const TrainedWeights& w, const BatchShape& batch, int64_t threads,
                     bool backward, Reserve* reserve, LayerScratch* scratch);

// The steps of a layer, one after the other: what a sublayer's output matrix reads of x [T, H]; its
// products, [T, H] in scratch; and output [T, H] = LayerNorm(x + products). index: 0-based.
enum class Sublayer { attention, ffn };
struct SublayerInputs {
  const float* rows = nullptr;  // [T, A or F]
  int64_t ld = 0;
};
SublayerInputs sublayer_inputs(const TrainedWeights& w, Sublayer sublayer, int64_t index,
                               const Batch& batch, const Dropout& dropout, const Crew& crew,
                               const float* x, LayerRecord* record, LayerScratch* scratch);
const float* sublayer_products(const TrainedWeights& w, Sublayer sublayer, int64_t index,
                               const Batch& batch, const Crew& crew, const SublayerInputs& inputs,
                               LayerScratch* scratch);
void sublayer_norm(const TrainedWeights& w, Sublayer sublayer, int64_t index, const Batch& batch,
                   const Dropout& dropout, const Crew& crew, const float* x, LayerRecord* record,
                   float* output, LayerScratch* scratch);

// Computes layer `index` (0-based) of x [T, H] -> output [T, H].
void layer_forward(const TrainedWeights& w, int64_t index, const Batch& batch,
                   const Dropout& dropout, const Crew& crew, const float* x, LayerRecord* record,
                   float* output, LayerScratch* scratch);

// d [T, H], the gradient of the layer's output, becomes that of its input x; gradients of the layer's
// parameters are added to. below: whether anything reads d after it; if not it may be anything.
// Places of no token: 0, before and after.
void layer_backward(TrainedWeights* w, int64_t index, const Batch& batch, const Dropout& dropout,
                    const Crew& crew, const float* x, const LayerRecord& record, bool below,
                    float* d, LayerScratch* scratch);

// Adds to the gradients of a LayerNorm's weight and bias. dy [T, hidden]: the gradient of its result.
void norm_gradient(TrainedWeights* w, const model::LayerNorm& norm, const Crew& crew,
                   const float* dy, const float* normed, int64_t tokens, int64_t hidden);

// d [T, H] (the embeddings': E), the gradient of LayerNorm's result, becomes that of what it was given; gradients of its
// parameters are added to. scratch [T, H], used where hidden units are masked, must not be d. Each
// thread has done its rows when it returns.
void norm_backward(TrainedWeights* w, const model::LayerNorm& norm, const Crew& crew,
                   const float* normed, const float* inverse, int64_t tokens, float* d,
                   float* scratch);

}  // namespace costeff::grad
