#include "prune/drawn_answers.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace costeff::prune {

double DrawnAnswers::uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

int32_t DrawnAnswers::label(std::span<const float> logits) {
  const double largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  const auto share = [&](float z) { return std::exp(static_cast<double>(z) - largest); };
  double sum = 0;
  for (const float z : logits) sum += share(z);
  double left = uniform() * sum;
  for (size_t i = 0; i + 1 < logits.size(); ++i) {
    left -= share(logits[i]);
    if (left < 0) return static_cast<int32_t>(i);
  }
  return static_cast<int32_t>(logits.size()) - 1;
}

bool DrawnAnswers::has_label(float logit) {
  return uniform() < 1 / (1 + std::exp(-static_cast<double>(logit)));
}

// Box and Muller: the standard library's normal numbers differ between libraries.
float DrawnAnswers::score(float score) {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  const double noise = radius * std::cos(2 * std::numbers::pi * uniform());
  return static_cast<float>(static_cast<double>(score) + noise);
}

}  // namespace costeff::prune
