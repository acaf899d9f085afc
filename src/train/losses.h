#pragma once

// Losses of one exit: values in double, gradients added to d. Batch means are over `rows_of_step`,
// the rows of a whole step, so that micro-batches add up to the same.

#include <cstdint>
#include <span>

namespace costeff::train {

// What a row should have been answered.
struct Gold {
  std::span<const int32_t> labels;  // [B]; empty: regression
  std::span<const float> scores;    // [B]
};

// logits [B, C], for a score C 1. Cross-entropy, or the squared error of a score; the mean over the
// rows. d [B, C] += weight times its gradient; null: none. Returns the loss without the weight.
double hard_loss(const float* logits, const Gold& gold, int64_t rows, int64_t labels,
                 int64_t rows_of_step, double weight, float* d);

// Cross-entropy of softmax(logits / temperature) against softmax(target / temperature), target a
// constant; the mean over the rows, or with `sum` their sum.
double soft_loss(const float* logits, const float* target, int64_t rows, int64_t labels,
                 double temperature, bool sum, int64_t rows_of_step, double weight, float* d);

// The mean squared difference of two scores: what distils a regression.
double score_loss(const float* scores, const float* target, int64_t rows, int64_t rows_of_step,
                  double weight, float* d);

// BERxiT, learning to exit: u [B] should be 1 where an exit's logits [B, C] are wrong, for a score
// |tanh(logit - gold)|. The sum over the rows of (u - that)^2, divided by `divisor`. d [B] += weight
// times its gradient.
double lte_loss(const float* uncertain, const float* logits, const Gold& gold, int64_t rows,
                int64_t labels, double divisor, double weight, float* d);

}  // namespace costeff::train
