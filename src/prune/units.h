#pragma once

// The units that pruning keeps or drops: attention heads and feed-forward neurons.

#include <cstdint>
#include <vector>

#include "model/spec.h"

namespace costeff::prune {

// Which units stay, by layer, in the order of the model: [L][heads of it], [L][neurons of it].
struct Kept {
  std::vector<std::vector<uint8_t>> heads, neurons;
};

// A score of each unit, likewise.
struct Scores {
  std::vector<std::vector<double>> heads, neurons;
};

// Neurons, and ranks of an embedding, in multiples of this are what kernels like.
inline constexpr int64_t kUnitStep = 16;

Kept all_kept(const model::Architecture& arch);
int64_t count(const std::vector<uint8_t>& kept);
// The rows or columns that kept units have in a matrix: `size` each, d for a head, 1 for a neuron.
std::vector<int64_t> places(const std::vector<uint8_t>& kept, int64_t size);

// Each layer's units by the numbers they had before the first pruning, after another one. *numbers empty:
// this is the first.
void follow_units(const std::vector<std::vector<uint8_t>>& kept,
                  std::vector<std::vector<int64_t>>* numbers);

// Multiply-accumulates of a text that pruning can save: what a head takes, what a neuron takes.
struct UnitCosts {
  double head = 0, neuron = 0;
};
// tokens, squares: the means of a text's number of tokens and of its square.
UnitCosts unit_costs(const model::Architecture& arch, double tokens, double squares);
// The same in a last layer of which only first tokens are read: the engine computes it for these alone,
// without keys and values (model/attention.h).
UnitCosts first_token_costs(const model::Architecture& arch, double tokens);

}  // namespace costeff::prune
