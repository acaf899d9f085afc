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

// What a sublayer costs by the number of its units that are kept.
struct SublayerCosts {
  std::vector<int64_t> counts;  // ascending, from 0 to all
  std::vector<double> costs;    // [counts]
};
struct CostTable {
  std::vector<SublayerCosts> heads, neurons;  // [L]
  double full() const;                        // of all sublayers with all their units
  double least() const;
};
// A table where every unit costs the same as its neighbours. costs: [L]. Neurons are kept in multiples of
// `step`, or all.
CostTable linear_costs(const Kept& all, std::span<const UnitCosts> costs, int64_t step);
double cost_of(const Kept& kept, std::span<const UnitCosts> costs);
// Of numbers of units that the table has.
double cost_of(const Kept& kept, const CostTable& table);

inline constexpr int64_t kBudgetTicks = int64_t{1} << 16;

// Keeps the best units of each sublayer, as many as make the sum of scores greatest whose costs are at
// most `budget`. Exact but for costs, which are rounded up to a budget's share of 1 / ticks. Between
// units of equal scores the lower number wins. Throws Error(internal) if nothing fits.
Kept search(const Scores& scores, const CostTable& table, double budget,
            int64_t ticks = kBudgetTicks);

// Changes which units of a layer are kept, not their number: greedily towards the smallest expected
// squared change of the loss, cross terms of the Fisher information included.
void rearrange(std::span<const MaskGradients> layers, Kept* kept);

}  // namespace costeff::prune
