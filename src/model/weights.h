#pragma once

// Weights in the form that the kernels take, packed for one table and one precision, made from the
// checkpoint's tensors when a layer or an exit is first reached. A value that is not finite is an
// Error(model) that names the tensor; a file that was changed since it was opened is one before
// that.

#include <cstdint>
#include <map>
#include <vector>

#include "base/aligned.h"
#include "base/arena.h"
#include "base/once_together.h"
#include "kernels/kernel_table.h"
#include "model/product.h"
#include "model/spec.h"

namespace costeff::model {

struct NormWeights {
  FloatBuffer weight, bias;  // [H]
};

struct LayerWeights {
  // Key and value are one matrix, and the query another, as the last layer needs it for fewer rows.
  // Each part is filled up with 0 to `stride` columns, so that all parts begin aligned.
  PackedLinear query;      // [stride, H]
  PackedLinear key_value;  // [2 stride, H]
  int64_t stride = 0;      // round_up(A); heads == 0: no attention sublayer
  int64_t heads = 0, attention_size = 0;
  // In place of key_value in the last layer of a model that reads its first token alone, a map for
  // each head: Wk^T [H, d], without a bias, and Wv [d, H]. In int8 what scales a row of Wk is in
  // the query's scales. See attend_folded.
  std::vector<PackedLinear> key_by_head, value_by_head;
  bool folded() const { return !key_by_head.empty(); }
  PackedLinear attention_out;  // [H, A]
  NormWeights attention_norm;
  PackedLinear ffn_in, ffn_out;  // [F, H], [H, F]; absent: no feed-forward sublayer
  NormWeights ffn_norm;
};

struct HeadWeights {
  // Absent: null. What exits share (PABEE's pooler, BERxiT's lte) is packed once.
  const PackedLinear *pooler = nullptr, *lte = nullptr;
  PackedLinear classifier;
};

struct EmbeddingWeights {
  PackedLinear word_up;  // factorised: [H, r]
  // What a token adds for its place and for its type, in float32: the sum of the position's row and
  // the type's, [types, places, H]; of the first types alone, which are all that tokenizers give.
  // Place i is position row first_position() + i (see Embeddings).
  FloatBuffer places;
  int64_t types = 0, places_of_type = 0, hidden = 0;
  NormWeights norm;

  // A row of it, followed by those of the next places; null: not kept.
  const float* place(int64_t i, int64_t type) const {
    return type < types ? places.data() + (type * places_of_type + i) * hidden : nullptr;
  }
};

// The sum that EmbeddingWeights keeps for place i, -> out [H], also for other types. out: room for
// [2, H].
const float* add_place(const Model& model, int64_t i, int64_t type, float* out);

struct PackScratch;

// All packed weights of a model, shared by all threads. What is asked for first is made then, by
// all threads that ask for it meanwhile, each a part. `precision` is that of the layers and of a
// factorised embedding. Exits stay near to what float32 decides: classifiers are float32, poolers
// bfloat16 at least. A pooler in float32 has as many bytes as a third of a layer in int8, read for
// one row; in int8 it costs accuracy at low thresholds.
class WeightStore {
 public:
  WeightStore(const Model& model, const kernels::KernelTable& kernels,
              kernels::Precision precision = kernels::Precision::float32);

  // Thread-safe; throws Error(model). i: 0-based layer / index into Model::heads.
  const EmbeddingWeights& embeddings() const;
  const LayerWeights& layer(int64_t i) const;
  const HeadWeights& head(int64_t i) const;

  // Whether layer(i) need not make anything any more.
  bool has_layer(int64_t i) const { return layers_[static_cast<size_t>(i)].work.done(); }
  // For threads that compute together: makes the layer with all that call this; what is wrong with
  // it is for layer(i) to throw.
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
  mutable Arena arena_;
  mutable Slot<EmbeddingWeights> embeddings_;
  mutable std::vector<Slot<LayerWeights>> layers_;
  mutable std::vector<Slot<HeadWeights>> heads_;
  mutable std::map<ParameterId, Slot<PackedLinear>> shared_;  // poolers and ltes, by their weights

  const PackedLinear& shared(const Linear& l, kernels::Precision precision) const;
  // Makes a slot, of files that were the same before and after.
  template <typename T, typename Plan>
  void make(Slot<T>* slot, const Plan& plan) const;
};

}  // namespace costeff::model
