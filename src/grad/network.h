#pragma once

// A whole model's step: forward with all that is kept, backward from losses at the exits and at the
// hidden states.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "grad/embed.h"
#include "grad/head.h"
#include "grad/layer.h"

namespace costeff::grad {

// What a loss says of the hidden states: add(context, i, h, d, crew) adds its gradient of h_i [T, H] to
// d, the rows of this thread; i 0: the embeddings' output, i: that of layer i. Places of no token must
// stay 0.
struct HiddenGradient {
  void (*add)(const void* context, int64_t i, const float* h, float* d, const Crew& crew) = nullptr;
  const void* context = nullptr;
  explicit operator bool() const { return add; }
};

struct BackwardOptions {
  std::span<const HeadGradient> exits;  // as Network::heads()
  HiddenGradient hidden;                // without a function: no loss reads them
  // COST-EFF: each layer's parameters get the mean over the exits above it in place of the sum, and
  // the embeddings the mean over all (spec of its "equilibrium"): layer i, from 0, 1 / (L - i).
  bool rescale = false;
};

class Network {
 public:
  // more: exits that training alone has (BERxiT's last off-ramp, which only its lte reads).
  // Throws Error(model) for question answering, which is not trained.
  explicit Network(TrainedWeights* weights, std::vector<model::Head> more = {});

  const TrainedWeights& weights() const { return w_; }
  const std::vector<model::Head>& heads() const { return heads_; }
  int64_t layers() const { return static_cast<int64_t>(w_.arch().layers.size()); }

  // Memory for a batch and `threads` threads; nothing is allocated after the largest was seen. One
  // thread calls it.
  void reserve(const Batch& batch, int64_t threads);

  // wanted: which exits are computed, as heads(); empty: all. Every thread of the crew calls these
  // two; they have met when they return.
  void forward(const Batch& batch, const Dropout& dropout, const Crew& crew,
               std::span<const bool> wanted = {});
  // Adds to the gradients of all parameters that are not frozen. Needs the forward pass of the same
  // batch and dropout.
  void backward(const Batch& batch, const Dropout& dropout, const Crew& crew,
                const BackwardOptions& options);

  // Of the last forward pass.
  const float* logits(size_t exit) const { return head_records_[exit].logits.data(); }
  const float* uncertain(size_t exit) const { return head_records_[exit].uncertain.data(); }
  // h_i [T, H]
  const float* hidden_state(int64_t i) const {
    return i == layers() ? last_.data() : layer_records_[static_cast<size_t>(i)].input.data();
  }

 private:
  bool pools(size_t p) const {
    return std::find(pools_[p].begin(), pools_[p].end(), true) != pools_[p].end();
  }
  bool trains_below(int64_t layer) const;
  bool is_shared(const std::optional<model::Linear>& l) const;

  TrainedWeights& w_;
  std::vector<model::Head> heads_;
  EmbeddingRecord embedding_;
  std::vector<LayerRecord> layer_records_;
  std::vector<HeadRecord> head_records_;
  FloatBuffer last_;  // h_L
  FloatBuffer d_, d_rank_;
  // [L + 1][B, H] for each pooling: first, mean; of the hidden states that some exit reads so.
  FloatBuffer pooled_[2], d_pooled_[2];
  std::vector<bool> pools_[2];  // [L + 1]
  int64_t rows_ = 0;
  // How deep gradients must go: 0 the embeddings, i layer i; above the last layer: the exits alone.
  int64_t deepest_ = 0;
  std::vector<SharedMap> shared_;
  LayerScratch scratch_;
};

}  // namespace costeff::grad
