#pragma once

// The weights of a model while it is trained: float32 values that may be written, a gradient for
// each, and both packed forms of every map.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/aligned.h"
#include "base/threads/crew.h"
#include "grad/masks.h"
#include "grad/pack.h"
#include "kernels/grad_table.h"
#include "model/product.h"
#include "model/spec.h"

namespace costeff::grad {

struct TrainedParameter {
  std::span<float> value;  // empty: not in use
  FloatBuffer gradient;  // [value.size()], sums over the rows since clear_gradients(); frozen: none
  // Of layers that share it (ALBERT): each has sums of its own, so that no division into micro-batches
  // changes the order in which they are added. `gradient` is the sum of them all, by layer.
  std::vector<FloatBuffer> uses;
  bool frozen = false;
  // Some loss has reached it since clear_gradients(). One that none reaches has no gradient, which
  // is not the same as a gradient of 0: the optimiser leaves it alone.
  bool reached = false;
  // Of word embeddings that are trained, by row: some token's gradient was added to it. The gradients
  // of all other rows are 0, and are not looked at: they are most of a model's memory.
  std::vector<uint8_t> touched;
  int64_t row = 0;  // floats of one
  // The value times its masks, where it has any (TrainedWeights::mask); of a LayerNorm only the hidden
  // units that are there.
  FloatBuffer masked;
  const float* used() const { return masked.data() ? masked.data() : value.data(); }
};

// y = x W^T + b packed for y (forward) and, where a gradient goes through it, for dx = dy W
// (backward).
struct TrainedLinear {
  // A layer's queries, keys and values are one map: their outputs stand side by side. Any other map
  // has one part.
  struct Part {
    model::ParameterId weight = model::kNone, bias = model::kNone;
    int64_t begin = 0, out = 0;  // its outputs
  };
  std::vector<Part> parts;
  model::PackedLinear forward, backward;
  ByteBuffer bytes;
  int64_t out() const { return forward.out; }
  int64_t in() const { return forward.in; }
  explicit operator bool() const { return forward.out > 0; }
};

// Which parameters stay as they are.
using Frozen = bool (*)(const model::Parameter&);
inline bool all_frozen(const model::Parameter&) { return true; }  // a teacher's

// Shared by all threads of a crew.
class TrainedWeights {
 public:
  // Takes the model's parameters into float32 storage of its own. precision: of the products in the
  // encoder; the exits' are float32. more: maps that training alone has, of the model's parameters.
  // What is frozen from the beginning takes no memory for gradients; freeze() does it later.
  // Throws Error(model) for weights that are not finite, Error(usage) for int8.
  TrainedWeights(model::Model* model, const kernels::KernelTable& kernels,
                 kernels::Precision precision, std::span<const model::Linear> more = {},
                 Frozen frozen = nullptr);

  const kernels::KernelTable& kernels() const { return kernels_; }
  const kernels::GradTable& grad() const { return grad_; }
  kernels::Precision precision() const { return precision_; }
  const model::Model& model() const { return model_; }
  const model::Architecture& arch() const { return model_.arch; }

  TrainedParameter& operator[](model::ParameterId id) { return all_[static_cast<size_t>(id)]; }
  const TrainedParameter& operator[](model::ParameterId id) const {
    return all_[static_cast<size_t>(id)];
  }
  int64_t count() const { return static_cast<int64_t>(all_.size()); }
  // The map with this weight; for queries, that of queries, keys and values.
  const TrainedLinear& linear(const model::Linear& l) const {
    return linears_[static_cast<size_t>(l.weight)];
  }
  // The lowest layer of the backbone that has a parameter that is trained; 0: the embeddings; above
  // the last layer: none has.
  int64_t lowest_trained() const;
  bool any_trained() const;
  // What this holds: values, gradients and packed forms.
  int64_t bytes() const;

  // Frees its gradient; it is not trained any more. What it is now is packed, as pack() leaves it alone
  // from here on.
  void freeze(model::ParameterId id);
  // One that is trained, or null. Between begin_layer() and add_up_layers() that of this layer alone.
  float* gradient(model::ParameterId id) {
    if (id == model::kNone || (*this)[id].frozen) return nullptr;
    TrainedParameter& p = (*this)[id];
    return (use_ < 0 || p.uses.empty() ? p.gradient : p.uses[static_cast<size_t>(use_)]).data();
  }
  // Every thread of the crew calls these: before the backward pass of a layer, from 0, and after that of
  // the last one. They do nothing where layers share no weights.
  void begin_layer(int64_t layer, const Crew& crew);
  void add_up_layers(const Crew& crew);
  void clear_gradients(const Crew& crew);
  // The packed forms, after values have changed. Those of frozen parameters stay.
  void pack(const Crew& crew, bool frozen_too = false);

  // Masks from the next pack() on; null: none. Gradients are then those of the values times the masks,
  // until mask_gradients() makes them those of the values. Called by one thread. What a mask changes in
  // the layers must not be frozen.
  void mask(const Masks* masks);
  Masking* masking() { return masking_ ? &*masking_ : nullptr; }
  const Masking* masking() const { return masking_ ? &*masking_ : nullptr; }
  // Without sublayers whose mask is 0.
  const model::Layer& layer(int64_t i) const {
    return (masking_ ? masking_->layers : arch().layers)[static_cast<size_t>(i)];
  }
  // Those that LayerNorms count; empty: all.
  std::span<const int32_t> hidden_units() const {
    return masking_ ? std::span<const int32_t>(masking_->units) : std::span<const int32_t>();
  }
  // What the step's gradients say of the masks that were there (of one that is 0, nothing sensible:
  // where a mask is clipped it has no gradient). Every thread of the crew calls it, once; they have met
  // when it returns. Every sum has one owner.
  void mask_gradients(MaskGradients* gradients, const Crew& crew);

 private:
  void add_uses();
  void apply_masks(const Crew& crew);
  void add_parameter(model::ParameterId id, Frozen frozen);
  void add_linear(std::span<const model::Linear> parts, kernels::Precision precision,
                  bool backward);
  bool is_frozen(const TrainedLinear& l) const;
  void pack_linear(TrainedLinear* l, const Crew& crew);
  void pack_bias(TrainedLinear* l);

  model::Model& model_;
  const kernels::KernelTable& kernels_;
  const kernels::GradTable& grad_;
  kernels::Precision precision_;
  std::vector<TrainedParameter> all_;   // by ParameterId
  std::vector<TrainedLinear> linears_;  // by the ParameterId of the first part's weight
  std::vector<PackScratch> scratch_;    // one per thread
  std::optional<Masking> masking_;
  // Of layers that share weights: the number of this one among them. Empty: none do.
  std::vector<int64_t> use_of_layer_;
  int64_t use_ = -1;  // of the layer in hand; -1: none
};

}  // namespace costeff::grad
