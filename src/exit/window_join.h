#pragma once

// Joins the answers to the windows of a long text, exit by exit or those by which they left.

#include <cstdint>
#include <span>
#include <vector>

#include "exit/policy.h"

namespace costeff::exits {

// The answers of one row's windows so far, added in order.
class JoinedAnswer {
 public:
  explicit JoinedAnswer(int64_t labels = 0) : sums_(static_cast<size_t>(labels)) {}

  // probs [C]; of a regression its score.
  void add(WindowJoin join, std::span<const float> probs);
  int64_t count() const { return count_; }

  // The joined answer: probs [C], and what follows from them. value: of a regression. The label of a
  // multi-label answer is left 0. logits [C] are numbers that give these probabilities again: logarithms, for
  // sigmoids of the odds, at least -100 and at most 100; of a regression the score.
  ExitScore finish(const Scoring& scoring, WindowJoin join, std::span<float> probs,
                   std::span<float> logits) const;

 private:
  std::vector<double> sums_;  // or the largest
  int64_t count_ = 0;
};

}  // namespace costeff::exits
