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

// What is computed of a forward pass.
struct ForwardOptions {
  std::span<const bool> wanted;  // which exits, as Network::heads(); empty: all
  // All hidden states are read, as by a loss on them. If not, the layers above the last exit wanted are
  // left out, and Network::hidden_state() gives nothing.
  bool hidden = true;
  // A backward pass follows. If not, layers share the memory of what it would read: a teacher, or states
  // that are pooled once (Network::pooled).
  bool keep = true;
};

// Pooled states that were computed before: fill(context, pooling, layer, rows, to) writes those of the
// batch's rows [rows.begin, rows.end), [rows, H], to `to`. Any thread calls it.
struct PooledStates {
  void (*fill)(const void* context, model::Pooling pooling, int64_t layer, Range rows,
               float* to) = nullptr;
  const void* context = nullptr;
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
  // thread calls it before each forward pass, with that pass's options.
  void reserve(const Batch& batch, int64_t threads, const ForwardOptions& options = {});
  // Memory for all batches no larger than this one. tokens: as Batch::tokens(), 0: a batch of pooled
  // states.
  void make_room(const BatchShape& batch, int64_t threads, const ForwardOptions& options);
  // What make_room() allocates.
  int64_t bytes(const BatchShape& batch, int64_t threads, const ForwardOptions& options = {});

  // Every thread of the crew calls these three; they have met when they return.
  void forward(const Batch& batch, const Dropout& dropout, const Crew& crew,
               const ForwardOptions& options = {});
  // The exits alone, on pooled states that are given: rows of the batch have no tokens. What reads()
  // says is asked for.
  void forward_from_pooled(const Batch& batch, const Dropout& dropout, const Crew& crew,
                           const PooledStates& states, const ForwardOptions& options = {});
  // Adds to the gradients of all parameters that are not frozen; after forward_from_pooled to those of
  // the exits. Needs the forward pass of the same batch and dropout.
  void backward(const Batch& batch, const Dropout& dropout, const Crew& crew,
                const BackwardOptions& options);

  // Of the last forward pass.
  const float* logits(size_t exit) const { return head_records_[exit].logits.data(); }
  const float* uncertain(size_t exit) const { return head_records_[exit].uncertain.data(); }
  // h_i [T, H]; with ForwardOptions::hidden
  const float* hidden_state(int64_t i) const { return state(i); }
  // Whether some exit reads h_i so, and what it reads: [B, H].
  bool reads(model::Pooling pooling, int64_t i) const {
    return pools_[pooling_index(pooling)][static_cast<size_t>(i)];
  }
  const float* pooled(model::Pooling pooling, int64_t i) const {
    return pooled_[pooling_index(pooling)].data() + i * rows_ * w_.arch().hidden_size;
  }

 private:
  static size_t pooling_index(model::Pooling p) { return p == model::Pooling::mean ? 1 : 0; }
  bool pools(size_t p) const {
    return std::find(pools_[p].begin(), pools_[p].end(), true) != pools_[p].end();
  }
  bool is_shared(const std::optional<model::Linear>& l) const;
  int64_t top_of(const ForwardOptions& options) const;
  void reserve_all(const BatchShape& batch, int64_t threads, const ForwardOptions& options,
                   Reserve* reserve);
  void reserve_exits(const BatchShape& batch, int64_t threads, bool backward, Reserve* reserve);
  // Where h_i is: each has its own place, or two take turns.
  const float* state(int64_t i) const {
    return states_[static_cast<size_t>(all_states_ ? i : i % 2)].data();
  }
  float* state(int64_t i) { return states_[static_cast<size_t>(all_states_ ? i : i % 2)].data(); }
  LayerRecord* record(int64_t i) { return &layer_records_[keep_ ? static_cast<size_t>(i) : 0]; }
  void pool(const Batch& batch, int64_t i, const Crew& crew);
  void heads_forward(const Batch& batch, const Dropout& dropout, const Crew& crew,
                     const ForwardOptions& options);

  TrainedWeights& w_;
  std::vector<model::Head> heads_;
  EmbeddingRecord embedding_;
  std::vector<FloatBuffer> states_;  // [L + 1] of [T, H]
  std::vector<LayerRecord> layer_records_;
  std::vector<HeadRecord> head_records_;
  FloatBuffer d_, d_unmapped_, d_rank_;
  // [L + 1][B, H] for each pooling: first, mean; of the hidden states that some exit reads so.
  FloatBuffer pooled_[2], d_pooled_[2];
  std::vector<bool> pools_[2];  // [L + 1]
  // Of the last reserve().
  int64_t rows_ = 0;
  bool keep_ = true, all_states_ = true;
  // How deep gradients must go: 0 the embeddings, i layer i; above the last layer: the exits alone.
  int64_t deepest_ = 0;
  std::vector<SharedMap> shared_;
  LayerScratch scratch_;
};

}  // namespace costeff::grad
