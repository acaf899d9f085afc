#pragma once

// The off-ramp loop over a stream of sequences: see README.md in this directory.

#include <costeff/result.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/threads/team.h"
#include "model/embed.h"
#include "model/head.h"
#include "model/layer.h"
#include "runtime/loaded_model.h"
#include "runtime/plan.h"
#include "runtime/waiting.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

struct StageTimes {
  double embed_s = 0, attention_s = 0, ffn_s = 0, exits_s = 0;
  int64_t layer_tokens = 0;
};

struct ConveyorOptions {
  int64_t batch_tokens = 0;     // at most so many tokens at once; one sequence always fits
  Clock::duration max_delay{};  // how long a sequence may wait before a layer; 0: no limit
};

// Admits sequences, runs layers over groups of them, and writes answers. For use by one thread; its
// team, if it has one, computes the layers.
class Conveyor {
 public:
  // model, plan and team outlive it. team: null for a thread alone.
  Conveyor(const LoadedModel& model, const ForwardPlan& plan, const ConveyorOptions& options,
           Team* team);

  // Whether a sequence of that length still fits with those admitted since the last start().
  bool has_room(int64_t tokens) const;
  // Admits a sequence, for which there must be room. pad_to: RunOptions::pad_to. May run layers if a
  // sequence has waited too long. This and the next two throw Error(model) for weights or logits
  // that are not finite.
  void admit(const text::Encoding& e, int64_t pad_to, const Ticket& ticket);
  // Runs the first layer over the admitted sequences, and then all groups that are large enough.
  void start();
  // Runs one layer over the sequences that have passed the fewest layers. Returns false if there are
  // none.
  bool run_some();
  bool empty() const;

  const StageTimes& times() const { return times_; }

 private:
  struct Arrivals {
    std::vector<int32_t> ids, types;  // [T]
  };

  void embed_arrivals();
  void run_ready();
  void run_group(int64_t done);
  void run_layer(int64_t layer, int64_t n, Waiting* w);
  const model::Head* head_at(int64_t layer) const;  // null: there is no exit
  void keep_pooled(model::Pooling pooling, const Waiting& w, int64_t n, float* to) const;
  void ask_exit(size_t head, int64_t n, Waiting* w);
  void ask_tokens(int64_t n, Waiting* w);

  const LoadedModel& model_;
  const ForwardPlan& plan_;
  const ConveyorOptions options_;
  Team* const team_;
  const model::LayerShape shape_;
  const int64_t hidden_, history_size_;
  const int64_t kept_;                    // numbers that the policy keeps of a sequence
  const model::Pooling history_pooling_;  // of the exits that read more than one hidden state

  Arrivals arrivals_;
  Waiting fresh_;                 // the sequences of arrivals_, not embedded yet
  std::vector<Waiting> waiting_;  // [L + 1]: [i] waits before layer i + 1
  StageTimes times_;

  std::vector<model::LayerScratch> layer_scratch_;  // one for each thread of the team
  model::HeadScratch head_scratch_;
  FloatBuffer first_, pooled_, logits_, uncertain_;
  std::vector<const float*> history_;  // oldest first
  std::vector<uint8_t> leaving_;       // for each sequence of the current group
  std::vector<float> probs_;           // [C]
  std::vector<int32_t> labels_;        // of one multi-label answer
  bool first_only_ = false;            // the group's last hidden states are in first_
};

}  // namespace costeff::runtime
