#pragma once

// Weights in the form that the kernels take: float32, packed, made from the checkpoint's tensors
// when a layer or an exit is first reached. A value that is not finite is an Error(model) that
// names the tensor.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/aligned.h"
#include "kernels/kernel_table.h"
#include "model/spec.h"

namespace costeff::model {

struct PackedLinear {
  FloatBuffer weight;  // packed_size(out, in)
  FloatBuffer bias;    // [round_up(out)], filled up with 0
  int64_t out = 0, in = 0;
  explicit operator bool() const { return out > 0; }
};

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
  PackedLinear attention_out;  // [H, A]
  NormWeights attention_norm;
  PackedLinear ffn_in, ffn_out;  // [F, H], [H, F]; absent: no feed-forward sublayer
  NormWeights ffn_norm;
};

struct HeadWeights {
  PackedLinear pooler, classifier, lte;  // pooler, lte: may be absent
};

struct EmbeddingWeights {
  PackedLinear word_up;  // factorised: [H, r]
  NormWeights norm;
};

// All packed weights of a model, made on first use, shared by all threads.
class WeightStore {
 public:
  WeightStore(const Model& model, const kernels::KernelTable& kernels);

  // Thread-safe; throws Error(model). i: 0-based layer / index into Model::heads.
  const EmbeddingWeights& embeddings() const;
  const LayerWeights& layer(int64_t i) const;
  const HeadWeights& head(int64_t i) const;

 private:
  template <typename T>
  struct Slot {
    std::once_flag once;
    T value;
  };
  const Model& model_;
  const kernels::KernelTable& kernels_;
  mutable Slot<EmbeddingWeights> embeddings_;
  mutable std::vector<Slot<LayerWeights>> layers_;
  mutable std::vector<Slot<HeadWeights>> heads_;
};

// Throws Error(model) that names t's first element that is NaN or infinite. values: t's elements
// from `begin` on.
void check_finite(const Tensor& t, const float* values, int64_t count, int64_t begin = 0);

}  // namespace costeff::model
