#pragma once

// Losses of one exit: values in double, gradients added to d. A function adds to *sum row by row and
// divides nothing, so that a step's loss is the same bits for any micro-batches; its gradient is that
// of weight / divisor times the sum.

#include <costeff/options.h>

#include <cstdint>
#include <span>

namespace costeff::train {

// What a row should have been answered.
struct Gold {
  std::span<const int32_t> labels = {};        // [B] single-label
  std::span<const float> scores = {};          // [B] regression
  std::span<const double> class_weights = {};  // [C]; empty: all 1
  double smoothing = 0;                        // share of a label that is spread over all classes
  std::span<const float> sets = {};  // [B, C] multi-label: 1 for each label of the row, else 0
  std::span<const double> pos_weights = {};  // [C] of a label that a row has; empty: all 1

  double weight_of(int64_t label) const {
    return class_weights.empty() ? 1 : class_weights[static_cast<size_t>(label)];
  }
  ProblemType problem() const {
    return !sets.empty()     ? ProblemType::multi_label
           : !labels.empty() ? ProblemType::single_label
                             : ProblemType::regression;
  }
};

// How a loss enters a step.
struct Share {
  double weight = 1;
  double divisor = 1;  // rows of the whole step, for a mean over them
};

// logits [B, C], for a score C 1. Cross-entropy, or the squared error of a score, or of a set the mean over
// the labels of the cross-entropy of sigmoids (PyTorch's BCEWithLogitsLoss). With class weights the divisor of a mean is the sum of the weights of the step's labels, as in PyTorch. d [B, C];
// null: no gradient is wanted.
void hard_loss(const float* logits, const Gold& gold, int64_t rows, int64_t labels, Share share,
               float* d, double* sum);

// Cross-entropy of softmax(logits / temperature) against softmax(target / temperature), target a
// constant. sets: of sigmoids instead, the mean over the labels.
void soft_loss(const float* logits, const float* target, int64_t rows, int64_t labels,
               double temperature, Share share, float* d, double* sum, bool sets = false);

// The same less the target's entropy: the divergence, which is 0 where both are equal. Its gradient is
// that of soft_loss.
void divergence_loss(const float* logits, const float* target, int64_t rows, int64_t labels,
                     double temperature, Share share, float* d, double* sum, bool sets = false);

// The squared difference of two scores: what distils a regression.
void score_loss(const float* scores, const float* target, int64_t rows, Share share, float* d,
                double* sum);

// BERxiT, learning to exit: u [B] should be 1 where an exit's logits [B, C] are wrong (of a set, one label
// or more, at probabilities of 0.5), for a score |tanh(logit - gold)|. The sum of (u - that)^2. d [B].
void lte_loss(const float* uncertain, const float* logits, const Gold& gold, int64_t rows,
              int64_t labels, Share share, float* d, double* sum);

}  // namespace costeff::train
