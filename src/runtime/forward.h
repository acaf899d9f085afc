#pragma once

// The off-ramp loop: layer, exit, who leaves is taken out, the others close ranks.

#include <costeff/result.h>

#include <cstdint>
#include <span>
#include <vector>

#include "model/embed.h"
#include "model/head.h"
#include "model/layer.h"
#include "runtime/loaded_model.h"

namespace costeff::runtime {

// Sequences that travel together, their tokens end to end. Padding does not exist, save where
// RunOptions::pad_to asks for it.
struct Batch {
  std::vector<int32_t> ids, types;  // [T]
  std::vector<int32_t> start{0};    // [B + 1]
  std::vector<int32_t> real;        // [B] tokens that are not padding
  std::vector<int32_t> row;         // [B] index of the Result

  int64_t sequences() const { return static_cast<int64_t>(row.size()); }
  int64_t tokens() const { return start.back(); }
  void clear();
};

// What to compute, the same for every sequence of a run.
struct ForwardPlan {
  ExitPolicy policy;
  bool all_exits = false;
  int64_t last_layer = 0;  // 1-based; no sequence goes beyond it
};

// Resolves the policy against the model: which layer is the last. Throws Error(usage) when the
// policy wants an exit that the model does not have.
ForwardPlan make_plan(const model::Model& model, const ExitPolicy& policy, bool all_exits);

struct StageTimes {
  double embed_s = 0, encoder_s = 0, exits_s = 0;
  int64_t layer_tokens = 0;
};

// Memory of one thread.
struct ForwardScratch {
  model::LayerScratch layer;
  model::HeadScratch head;
  FloatBuffer x, first, logits, uncertain;
  std::vector<FloatBuffer> pooled;       // ring of the last hidden states, pooled: [B, H] each
  std::vector<const float*> history;     // oldest first
  std::vector<uint8_t> leaving;          // [B]
  std::vector<exits::ExitState> states;  // [B]
  std::vector<float> probs;              // [C]
};

// Runs a batch to its end. results[row] of each sequence gets its answer; the other members of
// Result are left alone. The batch is consumed.
void forward(const LoadedModel& model, const ForwardPlan& plan, Batch* batch,
             std::span<Result> results, ForwardScratch* scratch, StageTimes* times);

}  // namespace costeff::runtime
