#include "optim/adamw.h"

#include <algorithm>
#include <cmath>

namespace costeff::optim {

kernels::AdamStep adam_step(const AdamW& adam, int64_t t, double learning_rate, double decay,
                            double gradient_scale) {
  const auto steps = static_cast<double>(t);
  const double first = adam.correct_bias ? 1 - std::pow(adam.beta1, steps) : 1;
  const double second = adam.correct_bias ? 1 - std::pow(adam.beta2, steps) : 1;
  const bool torch = adam.variant == Variant::torch;
  const auto shrink = static_cast<float>(1 - learning_rate * decay);
  return {.beta1 = static_cast<float>(adam.beta1),
          .rest1 = static_cast<float>(1 - adam.beta1),
          .beta2 = static_cast<float>(adam.beta2),
          .rest2 = static_cast<float>(1 - adam.beta2),
          .eps = static_cast<float>(adam.eps),
          .step = static_cast<float>(learning_rate * (torch ? 1 : std::sqrt(second)) / first),
          .root_scale = static_cast<float>(torch ? 1 / std::sqrt(second) : 1),
          .before = torch ? shrink : 1.0f,
          .after = torch ? 1.0f : shrink,
          .gradient_scale = static_cast<float>(gradient_scale)};
}

double linear_schedule(int64_t t, int64_t warmup, int64_t total) {
  if (t < warmup) return static_cast<double>(t) / static_cast<double>(std::max<int64_t>(1, warmup));
  return std::max(0.0, static_cast<double>(total - t) /
                           static_cast<double>(std::max<int64_t>(1, total - warmup)));
}

double clip_factor(double norm, double most) { return std::min(1.0, most / (norm + 1e-6)); }

int64_t squares_chunks(int64_t count) { return (count + kSquaresChunk - 1) / kSquaresChunk; }

double sum_of_squares(const kernels::GradTable& grad, std::span<const std::span<const float>> spans,
                      const Crew& crew, double* chunks) {
  int64_t number = 0;
  for (const std::span<const float> span : spans) {
    const auto count = static_cast<int64_t>(span.size());
    for (int64_t begin = 0; begin < count; begin += kSquaresChunk, ++number) {
      if (number % crew.size != crew.rank) continue;
      chunks[number] = grad.squares(span.data() + begin, std::min(kSquaresChunk, count - begin));
    }
  }
  crew.meet();
  double sum = 0;
  for (int64_t i = 0; i < number; ++i) sum += chunks[i];
  return sum;
}

}  // namespace costeff::optim
