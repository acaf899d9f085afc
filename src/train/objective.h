#pragma once

// What a step of training minimises, as data: a weight for every term that a recipe can have.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/threads/crew.h"
#include "grad/network.h"
#include "model/spec.h"
#include "train/losses.h"

namespace costeff::train {

// Terms of one exit.
struct ExitTerms {
  double hard = 0;  // against the gold labels
  double soft = 0;  // against a teacher's logits
  double self = 0;  // against the last exit's own answer, which counts as a constant here
  double lte = 0;   // learning to exit
  bool any() const { return hard != 0 || soft != 0 || self != 0 || lte != 0; }
};

struct Objective {
  std::vector<ExitTerms> exits;  // as Network::heads()
  double hidden = 0;             // of the hidden states against a teacher's (COST-EFF's R)
  double temperature = 1;        // of the terms against a teacher
  bool rescale = false;          // COST-EFF's gradients: BackwardOptions::rescale
};

// What recipes minimise, one at a time. Weights go by the number of the layer, also where only some
// layers have exits.
enum class Aim {
  last,           // the last exit: plain fine-tuning, DeeBERT's stage 1
  ramps,          // all exits but the last: DeeBERT's stage 2
  joint,          // all exits
  weighted,       // exit of layer i by i (PABEE; BERxiT's weight-linear)
  alternate,      // BERxiT: even steps `last`, odd ones `joint`
  alternate_lte,  // BERxiT: even steps `last`, odd ones `ramps`, both with the lte
  self_distil,    // joint, and off-ramps against the last exit, summed over the batch
  hidden,         // COST-EFF's R: hidden states of a teacher of the same shape
  assistant,  // COST-EFF, stage 2b: half of all exits against the teacher's only one and the gold
  exits,      // COST-EFF's P: each exit against the teacher's
  exits_hidden,    // COST-EFF, stage 5: P + R
  joint_rescaled,  // joint with COST-EFF's gradients
};

// step: from 0, within the epoch (BERxiT's alternation). first_exit: off-ramps below that layer take
// no part (COST-EFF's exit_start). Of a regression, soft terms are those of the last exit alone.
Objective objective_of(Aim aim, const std::vector<model::Head>& heads, int64_t layers,
                       bool regression, int64_t step, int64_t first_exit = 1,
                       double temperature = 1);

// What a teacher says of the batch in hand.
struct TeacherAnswer {
  std::vector<const float*> logits;  // as the student's exits, [B, C]
  std::vector<const float*> hidden;  // [L + 1] of [T, H]
};

// The losses of a step's rows in hand, and what they say of the exits. Grows to the largest batch.
class StepLosses {
 public:
  // One thread calls it, after the forward pass. Returns the whole loss without its hidden term.
  double exits(const Objective& objective, const grad::Network& network, const Gold& gold,
               const TeacherAnswer& teacher, int64_t rows, int64_t rows_of_step);
  // For BackwardOptions::exits.
  std::span<const grad::HeadGradient> gradients() const { return gradients_; }
  // For BackwardOptions::hidden, and the loss that it adds up: one value for every row and state, so
  // that threads do not meet. Null if the objective has none.
  grad::HiddenGradient hidden(const Objective& objective, const grad::Batch& batch,
                              const TeacherAnswer& teacher, const grad::Network& network,
                              int64_t rows_of_step);
  double hidden_loss() const;  // after the backward pass
  // The lte term of the last exits() call, without its weight.
  double lte() const { return lte_; }

 private:
  std::vector<std::vector<float>> d_logits_, d_lte_;
  std::vector<grad::HeadGradient> gradients_;
  std::vector<double> hidden_parts_;
  double lte_ = 0;
  // What the hidden term reads.
  struct HiddenContext {
    const grad::Batch* batch;
    const TeacherAnswer* teacher;
    double* parts;
    int64_t size, rows_of_step;
    double weight;
  } hidden_context_{};
  static void add_hidden(const void* context, int64_t i, const float* h, float* d,
                         const Crew& crew);
};

}  // namespace costeff::train
