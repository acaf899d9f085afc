#include "exit/kept_probs.h"

#include <costeff/policy.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace costeff::exits {
namespace {

// What one outcome adds to a divergence. With m the mean of both and p = m (1 + d), q = m (1 - d), it is
// m/2 ((1 + d) ln(1 + d) + (1 - d) ln(1 - d)) >= 0: nothing cancels between outcomes, and in this form
// nothing cancels where p and q are close either.
double divergence_term(double p, double q) {
  if (p + q <= 0) return 0;
  const double m = (p + q) / 2, d = (p - q) / (p + q);
  if (std::abs(d) >= 1) return m * std::numbers::ln2;
  return m / 2 * (std::log1p(-d * d) + d * (std::log1p(d) - std::log1p(-d)));
}

}  // namespace

int64_t kept_numbers(const ExitPolicy& p, int64_t num_labels) {
  return p.kind == PolicyKind::divergence_patience || averages(p) ? num_labels : 0;
}

float divergence(ProblemType problem, std::span<const float> p, std::span<const float> q) {
  const bool sets = problem == ProblemType::multi_label;
  double sum = 0;
  for (size_t c = 0; c < p.size(); ++c) {
    const auto a = static_cast<double>(p[c]), b = static_cast<double>(q[c]);
    sum += divergence_term(a, b);
    if (sets) sum += divergence_term(1 - a, 1 - b);
  }
  return static_cast<float>(sets ? sum / static_cast<double>(p.size()) : sum);
}

void keep_probs(const ExitPolicy& policy, ProblemType problem, int64_t layer,
                std::span<const float> probs, const ExitState& state, std::span<float> kept,
                ExitScore* score) {
  if (layer < policy.exit_start) return;
  if (policy.kind == PolicyKind::divergence_patience) {
    if (state.seen) score->divergence = divergence(problem, kept, probs);
    std::copy(probs.begin(), probs.end(), kept.begin());
    return;
  }
  // A sum that begins anew after an exit that was not confident.
  for (size_t c = 0; c < probs.size(); ++c)
    kept[c] = state.agreed == 0 ? probs[c] : kept[c] + probs[c];
}

void average_answer(const Scoring& scoring, int64_t exits, std::span<float> kept,
                    ExitScore* score) {
  for (float& v : kept) v /= static_cast<float>(exits);
  score_probs(scoring, kept, score);
}

}  // namespace costeff::exits
