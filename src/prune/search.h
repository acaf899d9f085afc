#pragma once

// Which units to keep (Kwon et al., NeurIPS 2022): the most valuable ones that a budget can pay, then
// rearranged within each layer, as units that are dropped together have losses that do not add up.

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "prune/units.h"

namespace costeff::prune {

// d loss / d mask of every unit of a layer, for each batch of rows.
struct MaskGradients {
  Eigen::MatrixXd heads, neurons;  // [units, batches]
};

// The sums of squares over the batches: the diagonal of the empirical Fisher information.
Scores fisher_scores(std::span<const MaskGradients> layers);

// Keeps the heads and the neurons with the greatest sum of scores whose cost is at most `budget`, of
// equals those with the fewest heads. Between units of equal scores the lower layer wins, then the lower
// number. A budget that pays no unit keeps none.
Kept search(const Scores& scores, const UnitCosts& costs, double budget);

// The same, with at least one head and `step` neurons (or all) in each sublayer, and neurons in multiples
// of `step` where some are dropped. The budget must pay that: check_budget().
Kept search_rounded(const Scores& scores, const UnitCosts& costs, double budget, int64_t step);
// Throws Error(usage), with the least share that does, if the budget does not pay it. all: every unit.
void check_budget(const Kept& all, const UnitCosts& costs, double budget, int64_t step);

// Changes which units of a layer are kept, not their number: greedily towards the smallest expected
// squared change of the loss, cross terms of the Fisher information included.
void rearrange(std::span<const MaskGradients> layers, Kept* kept);

// What the sublayers of this machine take by the number of units kept, in microseconds.
struct LatencyTable {
  std::vector<std::vector<int64_t>> heads;    // [L][n + 1]: 0, 1, .., n heads
  std::vector<std::vector<int64_t>> neurons;  // [L][sizes]
  std::vector<int64_t> neuron_counts;         // ascending, from 0
  int64_t full() const;                       // of all sublayers with all their units
};
// Keeps the best units of each sublayer, as many as make the sum of scores greatest within `budget`
// microseconds. Exact. Throws Error(usage) if nothing fits, with the least that does.
Kept search(const Scores& scores, const LatencyTable& table, int64_t budget);

}  // namespace costeff::prune
