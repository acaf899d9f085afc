#pragma once

// COST-EFF's importance of heads and neurons: how much the loss would change without them, by the first
// term of its Taylor series.

#include <cstdint>
#include <vector>

#include "base/threads/crew.h"
#include "grad/weights.h"
#include "prune/units.h"

namespace costeff::prune {

// The matrices that importance reads: of attention's output and of the feed-forward. Nothing else needs
// a gradient.
bool has_no_importance(const model::Parameter& p);

// Sums of |gradient| over batches, element by element.
class Importance {
 public:
  explicit Importance(const grad::TrainedWeights& weights);

  // Adds the gradients of a batch. Every thread of the crew calls it; they have met when it returns.
  void add(const Crew& crew);

  // |weight| x the sum, in the tensor's order; empty for a parameter without importance.
  std::vector<double> of(model::ParameterId id) const;
  // Of a head: that of its columns of attention's output matrix. Of a neuron: that of its row of the
  // first matrix of the feed-forward and of its column of the second. Biases do not count.
  Scores scores() const;

 private:
  const grad::TrainedWeights& w_;
  std::vector<std::vector<float>> sums_;  // by ParameterId
};

// The units of each layer with the greatest scores: `heads` and `neurons` of them, or all if a layer has
// no more. Of equal ones the lower number stays.
Kept best_units(const Scores& scores, int64_t heads, int64_t neurons);

}  // namespace costeff::prune
