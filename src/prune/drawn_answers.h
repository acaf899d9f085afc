#pragma once

// Answers drawn from what a model says itself, where rows have no labels: the squares of the gradients of
// their losses are its Fisher information, in expectation.

#include <cstdint>
#include <random>
#include <span>

namespace costeff::prune {

class DrawnAnswers {
 public:
  explicit DrawnAnswers(uint64_t seed) : random_(seed) {}
  // A class by its probability, the softmax of logits [C].
  int32_t label(std::span<const float> logits);
  // Whether a multi-label answer has a label, with the sigmoid of its logit.
  bool has_label(float logit);
  // score + N(0, 1): the loss is a squared error.
  float score(float score);

 private:
  double uniform();  // in [0, 1)
  std::mt19937_64 random_;
};

}  // namespace costeff::prune
