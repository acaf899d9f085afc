#pragma once

// Multipliers of what pruning may remove: heads, neurons, whole sublayers, hidden units (CoFi). A
// product of a multiplier and a result is one of the weights that made it: TrainedWeights computes
// with weights that are multiplied already, so that the forward and backward passes know of two things
// only: sublayers that are gone, and the hidden units that LayerNorms count.
//
//   embeddings       x = LayerNorm_z(sum z) z                                z: hidden
//   attention        o = attention (sum over heads k of heads_k (context_k Wo_k) + bo)
//                    x = LayerNorm_z(x + drop(o z)) z;  attention 0: x stays as it is
//   feed-forward     o = ffn (W2 (neurons activation(..)) + b2), and so on
//   LayerNorm_z      mean and variance over the units with z other than 0; the others become 0
//
// Source: princeton-nlp/CoFiPruning, models/modeling_bert.py, CoFiLayerNorm, CoFiBertSelfOutput.

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned.h"
#include "base/threads/crew.h"
#include "model/spec.h"

namespace costeff::grad {

// A number for each. An absent sublayer has no heads or neurons; its own number is not read.
template <typename T>
struct MaskValues {
  std::vector<std::vector<T>> heads;    // [L][heads]
  std::vector<std::vector<T>> neurons;  // [L][F]
  std::vector<T> attention, ffn;        // [L]
  std::vector<T> hidden;                // [H]; empty: hidden units have no masks

  // Takes the shapes of a model; all become `value`.
  void assign(const model::Architecture& arch, bool with_hidden, T value);
};

// Calls f(vector) for all vectors, in an order that depends on the shapes alone.
template <typename Values, typename F>
void each_vector(Values& v, F f) {
  for (auto& of_layer : v.heads) f(of_layer);
  for (auto& of_layer : v.neurons) f(of_layer);
  f(v.attention);
  f(v.ffn);
  f(v.hidden);
}

using Masks = MaskValues<float>;
using MaskGradients = MaskValues<double>;

// What masks come to for a forward pass.
struct Masking {
  Masking(const model::Architecture& arch, const Masks& masks);
  void set(const model::Architecture& arch, const Masks& m);

  Masks masks;
  std::vector<model::Layer> layers;  // without the sublayers whose mask is 0
  std::vector<int32_t> units;        // hidden units that are not 0, ascending; none if not masked
  std::vector<std::vector<float>> context;  // [L][A]: the masks of heads, one for each column

  // What the backward pass says of the embeddings: of the LayerNorm's weight and bias by place in
  // `units`, and of the multipliers of the sum, [H].
  FloatBuffer norm_weight, norm_bias, sum;
};

// Rows [m, n] of the units that are there, for rows [m, h], one after the other; and the way back, where
// the others become 0. to may be from.
void gather_units(std::span<const int32_t> units, const float* from, int64_t m, int64_t h,
                  float* to);
void spread_units(std::span<const int32_t> units, const float* from, int64_t m, int64_t h,
                  float* to);

}  // namespace costeff::grad
