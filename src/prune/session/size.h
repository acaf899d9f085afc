#pragma once

// How slender a model is to become: what its units cost in the measure that a target names, and what
// the target leaves for them.

#include <costeff/slenderize.h>

#include <cstdint>
#include <span>
#include <vector>

#include "prune/search.h"

namespace costeff::prune {

// What the rows are like.
struct TextLength {
  double tokens = 0, squares = 0;  // the means of a text's number of tokens and of its square
};

// Costs of units by layer, and of all that stays.
struct UnitMeasure {
  std::vector<UnitCosts> units;  // [L]
  double rest = 0;
};
// As the engine computes a text and `costeff inspect` counts it: a last layer of which only first tokens
// are read costs next to nothing.
UnitMeasure macs_of(const model::Model& m, const TextLength& length);
UnitMeasure parameters_of(const model::Model& m);
// What CoFi counts: weights of heads and neurons. rest: biases, which are in its whole and in nothing that is
// left.
UnitMeasure prunable_of(const model::Architecture& arch);

// Throws Error(usage) for a number that no target can be.
void check_target(const SlenderTarget& target);

// The budget for units that the target leaves, in the measure of the table. rest: what stays. Throws
// Error(usage), with the nearest that can be had, if it pays no unit at all.
double units_budget(const SlenderTarget& target, const CostTable& table, double rest);

}  // namespace costeff::prune
