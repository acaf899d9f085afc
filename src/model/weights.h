#pragma once

// Weights as the kernels read them, packed for one kernel table and one precision. They are made from
// the checkpoint's tensors when a layer or an exit is first reached. A value that is not finite is an
// Error(model) that names the tensor, unless a file has changed since it was opened: then that is the
// error.

#include <cstdint>
#include <map>
#include <vector>

#include "base/aligned.h"
#include "base/arena.h"
#include "base/threads/once_together.h"
#include "kernels/kernel_table.h"
#include "model/product.h"
#include "model/spec.h"

namespace costeff::model {

struct NormWeights {
  FloatBuffer weight, bias;  // [H]
};

struct LayerWeights {
  // Key and value are one matrix and the query another, as the last layer needs it for fewer rows.
  // Each part is padded with 0 to `stride` columns, so that all parts begin aligned.
  PackedLinear query;      // [stride, H]
  PackedLinear key_value;  // [2 stride, H]
  int64_t stride = 0;      // round_up(A)
  int64_t heads = 0, attention_size = 0;
  // These replace key_value in the last layer of a model that reads only its first token, if no other
  // layer has its weights: a map for each head, Wk^T [H, d] without a bias, and Wv [d, H]. In int8 the query's scales include those of
  // the rows of Wk. See attend_folded.
  std::vector<PackedLinear> key_by_head, value_by_head;
  bool folded() const { return !key_by_head.empty(); }
  // [H, A], [H, F]; false: no such sublayer. A or F of 0: only the bias.
  PackedLinear attention_out, ffn_out;
  NormWeights attention_norm;
  PackedLinear ffn_in;  // [F, H]
  NormWeights ffn_norm;
};

struct HeadWeights {
  // Null: absent. Exits may share them (PABEE's pooler, BERxiT's lte); they are packed once.
  const PackedLinear *pooler = nullptr, *lte = nullptr;
  PackedLinear classifier;
};

struct EmbeddingWeights {
  PackedLinear word_up;  // factorised: [E, r]
  PackedLinear map;      // [H, E], if there is one
  // [types, places, E]: the sums of a position's row and a type's row (and ERNIE's task), in float32, for
  // only the first types, as tokenizers give no others. Place i has position row first_position() + i
  // (Embeddings).
  FloatBuffer places;
  int64_t types = 0, places_of_type = 0, size = 0;
  NormWeights norm;

  // A row of it, which those of the next places follow; null if it is not kept.
  const float* place(int64_t i, int64_t type) const {
    return type < types ? places.data() + (type * places_of_type + i) * size : nullptr;
  }
};

// Computes the sum that EmbeddingWeights keeps for place i, for any type, to out [E], and returns out,
// which must have room for [2, E].
const float* add_place(const Model& model, int64_t i, int64_t type, float* out);

struct PackScratch;

// All packed weights of a model, shared by all threads. A part is packed when it is first asked for, by
// all threads that ask for it meanwhile together. `precision` is that of the layers and of a factorised
// embedding. Exits should decide nearly as in float32, so classifiers are float32, and poolers at least
// bfloat16: in float32 a pooler has as many bytes as a third of a layer in int8, which are read for one
// row, and in int8 it costs accuracy at low thresholds.
class WeightStore {
 public:
  WeightStore(const Model& model, const kernels::KernelTable& kernels,
              kernels::Precision precision = kernels::Precision::float32);

  // Thread-safe. Throws Error(model). i: a 0-based layer, or an index into Architecture::heads.
  const EmbeddingWeights& embeddings() const;
  const LayerWeights& layer(int64_t i) const;
  const HeadWeights& head(int64_t i) const;

  // Whether layer(i) is packed.
  bool has_layer(int64_t i) const { return layers_[slot_of(i)].work.done(); }
  // For threads that compute together: packs the layer with all that call this. If it fails, layer(i)
  // throws the error.
  void help_with_layer(int64_t i) const noexcept;

 private:
  template <typename T>
  struct Slot {
    OnceTogether<PackScratch> work;
    T value;
  };
  const Model& model_;
  const kernels::KernelTable& kernels_;
  const kernels::Precision precision_;
  const std::vector<int64_t> first_;  // model::shared_layers: what layers share is packed once
  mutable Arena arena_;
  mutable Slot<EmbeddingWeights> embeddings_;
  mutable std::vector<Slot<LayerWeights>> layers_;
  mutable std::vector<Slot<HeadWeights>> heads_;
  mutable std::map<ParameterId, Slot<PackedLinear>> shared_;  // poolers and ltes, by their weights

  size_t slot_of(int64_t layer) const {
    return static_cast<size_t>(first_[static_cast<size_t>(layer)]);
  }
  const PackedLinear& shared(const Linear& l, kernels::Precision precision) const;
  // Makes a slot. Throws if files have changed meanwhile.
  template <typename T, typename Plan>
  void make(Slot<T>* slot, const Plan& plan) const;
};

}  // namespace costeff::model
