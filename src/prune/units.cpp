#include "prune/units.h"

#include <algorithm>

namespace costeff::prune {

Kept all_kept(const model::Architecture& arch) {
  Kept kept;
  for (const model::Layer& layer : arch.layers) {
    const int64_t heads = layer.attention ? layer.attention->heads : 0;
    const int64_t neurons = layer.ffn ? layer.ffn->in.out : 0;
    kept.heads.emplace_back(static_cast<size_t>(heads), uint8_t{1});
    kept.neurons.emplace_back(static_cast<size_t>(neurons), uint8_t{1});
  }
  return kept;
}

int64_t count(const std::vector<uint8_t>& kept) {
  return std::count(kept.begin(), kept.end(), uint8_t{1});
}

std::vector<int64_t> places(const std::vector<uint8_t>& kept, int64_t size) {
  std::vector<int64_t> all;
  for (size_t i = 0; i < kept.size(); ++i)
    for (int64_t k = 0; kept[i] && k < size; ++k) all.push_back(static_cast<int64_t>(i) * size + k);
  return all;
}

void follow_units(const std::vector<std::vector<uint8_t>>& kept,
                  std::vector<std::vector<int64_t>>* numbers) {
  const bool first = numbers->empty();
  numbers->resize(kept.size());
  for (size_t l = 0; l < kept.size(); ++l) {
    std::vector<int64_t> left = places(kept[l], 1);
    for (int64_t& i : left)
      if (!first) i = (*numbers)[l][static_cast<size_t>(i)];
    (*numbers)[l] = std::move(left);
  }
}

UnitCosts unit_costs(const model::Architecture& arch, double tokens, double squares) {
  const auto hidden = static_cast<double>(arch.hidden_size),
             d = static_cast<double>(arch.head_size);
  return {.head = d * (4 * hidden * tokens + 2 * squares), .neuron = 2 * hidden * tokens};
}

UnitCosts first_token_costs(const model::Architecture& arch, double tokens) {
  const auto hidden = static_cast<double>(arch.hidden_size),
             d = static_cast<double>(arch.head_size);
  return {.head = 4 * hidden * d + 2 * tokens * hidden, .neuron = 2 * hidden};
}

}  // namespace costeff::prune
