#pragma once

// CoFi's distillation of layers: some of the teacher's hidden states, each against that of the student's
// layer which is nearest to it after a map that is trained.
//   D_q,j = mean over tokens and hidden units of (h^T_(q+1) - W h^S_(j+1) - b)^2      q, j from 0
//   D     = sum over q of D_q,m(q)
// The mean is over real tokens. The reference pads a batch to its longest row and counts the padding,
// which is computed for that alone and says nothing; the goldens hold it to rows that are padded
// explicitly (grad::Batch::add_padded).
// Source: princeton-nlp/CoFiPruning, trainer/trainer.py, calculate_layer_distillation_loss.

#include <cstdint>
#include <vector>

#include "grad/network.h"
#include "model/spec.h"

namespace costeff::train {

// How the student's layers are matched.
enum class Matching {
  any,  // version 3: each of the teacher's layers takes the nearest
  ordered,  // version 4: from the top, the nearest below the one before; layers without attention are left
            // out (as meant: the reference applies that to ranks and not to layers)
};

// Every third layer of the teacher, counted from 0: 2, 5, 8, 11 of 12, as in the reference, which
// presumes 12. The only one if it has fewer than 3.
std::vector<int64_t> distilled_layers(int64_t teacher_layers);

// m(q) from D_q,j [Q][L]. dead [L]: layers that are left out. Where none is left, the one above is taken
// again, and at the top the last layer.
std::vector<int64_t> match_layers(Matching matching,
                                  const std::vector<std::vector<double>>& distances,
                                  const std::vector<bool>& dead);

// W and b, parameters of the student that only training has: W [teacher's H, student's H]. Takes those
// that the checkpoint has beside what is in use (`layer_transformation`), else the identity and 0. The
// student's units are the teacher's in order unless it says otherwise.
model::Linear layer_transformation(model::Model* student, int64_t teacher_hidden);

// One per network; every thread of the crew calls what takes one.
class LayerDistillation {
 public:
  LayerDistillation(grad::TrainedWeights* weights, model::Linear map, Matching matching,
                    int64_t teacher_layers);

  // Begins a step of so many real tokens. weight: of D.
  void begin(int64_t tokens, double weight);
  void reserve(const grad::BatchShape& batch, int64_t threads);
  // Adds D_q,j of a batch after both forward passes (with all hidden states). Sums go row by row, so
  // that micro-batches do not change the bits. They have met when it returns.
  void measure(const grad::Batch& batch, const grad::Network& student, const grad::Network& teacher,
               const Crew& crew);
  // Decides m(q), after all batches of the step. One thread calls it.
  void match();
  // For BackwardOptions::hidden of a batch.
  grad::HiddenGradient gradient(const grad::Batch& batch, const grad::Network& teacher);

  double loss() const;  // D, without its weight
  const std::vector<std::vector<double>>& distances() const { return distances_; }
  const std::vector<int64_t>& matched() const { return matched_; }
  const std::vector<int64_t>& teacher_layers() const { return teacher_layers_; }

 private:
  static void add(const void* context, int64_t i, const float* h, float* d, const Crew& crew);
  // W h + b of the tokens -> mapped_.
  void map_states(const grad::Batch& batch, const float* h, const Crew& crew);

  grad::TrainedWeights& w_;
  model::Linear map_;
  Matching matching_;
  std::vector<int64_t> teacher_layers_, matched_;      // [Q]
  std::vector<std::vector<double>> sums_, distances_;  // [Q][L]
  std::vector<double> parts_;                          // [Q][B] of a layer
  double divisor_ = 1, weight_ = 1;
  FloatBuffer mapped_;  // [T, teacher's H]
  grad::LinearScratch scratch_;
  const grad::Batch* batch_ = nullptr;
  const grad::Network* teacher_ = nullptr;
};

}  // namespace costeff::train
