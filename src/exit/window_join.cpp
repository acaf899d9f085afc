#include "exit/window_join.h"

#include <algorithm>
#include <cmath>

namespace costeff::exits {
namespace {

constexpr double kFarLogit = 100;

double log_of(double p) { return p > 0 ? std::max(std::log(p), -kFarLogit) : -kFarLogit; }

}  // namespace

void JoinedAnswer::add(WindowJoin join, std::span<const float> probs) {
  ++count_;
  for (size_t c = 0; c < sums_.size(); ++c) {
    const auto p = static_cast<double>(probs[c]);
    if (join == WindowJoin::max) {
      sums_[c] = count_ == 1 ? p : std::max(sums_[c], p);
    } else {
      sums_[c] += p;
    }
  }
}

ExitScore JoinedAnswer::finish(const Scoring& scoring, WindowJoin join, std::span<float> probs,
                               std::span<float> logits) const {
  std::vector<double> p = sums_;
  double divisor = join == WindowJoin::mean ? static_cast<double>(count_) : 1;
  if (scoring.problem == ProblemType::single_label) {
    // Rounded softmaxes add up to 1 only nearly.
    divisor = 0;
    for (const double v : p) divisor += v;
  }
  for (double& v : p) v /= divisor;
  for (size_t c = 0; c < p.size(); ++c) {
    probs[c] = static_cast<float>(p[c]);
    const double logit = scoring.problem == ProblemType::single_label ? log_of(p[c])
                         : scoring.problem == ProblemType::multi_label
                             ? log_of(p[c]) - log_of(1 - p[c])
                             : p[c];
    logits[c] = static_cast<float>(logit);
  }
  ExitScore s;
  s.value = probs[0];
  if (!is_regression(scoring)) score_probs(scoring, probs, &s);
  return s;
}

}  // namespace costeff::exits
