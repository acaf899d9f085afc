#pragma once

// What a step of training minimises, as data: a weight for every term that a recipe can have.

#include <cstdint>
#include <span>
#include <string>
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
  // The divergence from a teacher's answers, times the temperature squared (CoFi); of a regression `soft`.
  double divergence = 0;
  double self = 0;  // against the last exit's own answer, which counts as a constant here
  double lte = 0;   // learning to exit
  bool asks_teacher() const { return soft != 0 || divergence != 0; }
  bool any() const { return hard != 0 || asks_teacher() || self != 0 || lte != 0; }
};

struct Objective {
  std::vector<ExitTerms> exits;  // as Network::heads()
  double hidden = 0;             // of the hidden states against a teacher's (COST-EFF's R)
  double layers = 0;             // of layers matched with a teacher's (CoFi; layer_distil.h)
  // Tokens that the hidden states of a row are averaged over; 0: as many as it has. COST-EFF's importance
  // counts the padding.
  int64_t hidden_tokens = 0;
  double temperature = 1;  // of the terms against a teacher; Aim::layers makes 1 its own 2
  bool rescale = false;    // COST-EFF's gradients: BackwardOptions::rescale
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
  exits_hidden,  // COST-EFF, stage 5: P + R
  importance,  // COST-EFF's loss whose gradients say which units matter: 0.9 P + R + 0.1 of the gold
  layers,  // CoFi: 0.9 of layers matched with the teacher's, 0.1 of its answers at the last exit
  joint_rescaled,  // joint with COST-EFF's gradients
};

// step: from 0, within the epoch (BERxiT's alternation). first_exit: off-ramps below that layer take
// no part (COST-EFF's exit_start). Of a regression, soft terms are those of the last exit alone.
Objective objective_of(Aim aim, const std::vector<model::Head>& heads, int64_t layers,
                       bool regression, int64_t step, int64_t first_exit = 1,
                       double temperature = 1);

// The last exit that classifies: it answers for the whole depth.
size_t last_answer(const std::vector<model::Head>& heads);

// What a teacher says of the batch in hand.
struct TeacherAnswer {
  std::vector<const float*> logits;  // as the student's exits, [B, C]
  std::vector<const float*> hidden;  // [L + 1] of [T, H]
};

// What the means of a step are over.
struct StepSize {
  int64_t rows = 0;
  double label_weights = 0;  // Gold::weight_of, added up; of a regression the rows
};

// The losses of a step, batch by batch, and what they say of the exits. Grows to the largest batch.
class StepLosses {
 public:
  // Begins a step. `objective` must outlive it.
  void begin(const Objective& objective, const StepSize& size);
  // Adds the losses of the exits of a batch. One thread calls it, after the forward pass.
  void exits(const grad::Network& network, const Gold& gold, const TeacherAnswer& teacher,
             int64_t rows);
  // For BackwardOptions::exits.
  std::span<const grad::HeadGradient> gradients() const { return gradients_; }
  // For BackwardOptions::hidden. Each row and state has a place of its own for its loss, so that
  // threads do not meet; end_batch() adds them up after the backward pass. Null if the objective has no
  // such term. `batch` and `teacher` must live until then.
  grad::HiddenGradient hidden(const grad::Batch& batch, const TeacherAnswer& teacher,
                              const grad::Network& network);
  void end_batch();

  // Of the batches so far: the weighted sum of all terms.
  double loss() const;
  // The lte term without its weight.
  double lte() const;
  // A term that is not finite: "cross-entropy of the exit at layer 3"; empty: all are finite.
  std::string bad_term(const std::vector<model::Head>& heads) const;

 private:
  struct Sums {
    double hard = 0, soft = 0, divergence = 0, self = 0, lte = 0;
  };
  // What the hidden term reads.
  struct HiddenContext {
    const grad::Batch* batch;
    const TeacherAnswer* teacher;
    double* parts;
    int64_t size, rows_of_step;
    const Objective* objective;
  };
  static void add_hidden(const void* context, int64_t i, const float* h, float* d,
                         const Crew& crew);
  double lte_divisor() const;
  double divergence_weight(const ExitTerms& terms) const;

  const Objective* objective_ = nullptr;
  StepSize size_;
  int64_t ltes_ = 0;                  // exits with one
  std::vector<Sums> sums_;            // [exits]
  std::vector<double> hidden_sums_;   // [L + 1]
  std::vector<double> hidden_parts_;  // [L + 1, B]
  std::vector<std::vector<float>> d_logits_, d_lte_;
  std::vector<grad::HeadGradient> gradients_;
  HiddenContext hidden_context_{};
};

}  // namespace costeff::train
