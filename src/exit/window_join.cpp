#include "exit/window_join.h"

#include <algorithm>
#include <cmath>

namespace costeff::exits {
namespace {

constexpr double kFarLogit = 100;

double log_of(double p) { return p > 0 ? std::max(std::log(p), -kFarLogit) : -kFarLogit; }

// -p ln p, and 0 of 0.
double entropy_term(double p) { return p > 0 ? -p * std::log(p) : 0; }

ExitScore score_classes(std::span<const double> p) {
  ExitScore s;
  double top = -1, second = 0, entropy = 0;
  for (size_t c = 0; c < p.size(); ++c) {
    entropy += entropy_term(p[c]);
    if (p[c] > top) {
      second = std::max(top, 0.0);
      top = p[c];
      s.label = static_cast<int32_t>(c);
    } else {
      second = std::max(second, p[c]);
    }
  }
  s.prob = static_cast<float>(top);
  s.margin = static_cast<float>(top - second);
  s.entropy = static_cast<float>(std::max(entropy, 0.0));
  return s;
}

ExitScore score_labels(const Scoring& scoring, std::span<const double> p) {
  ExitScore s;
  s.prob = s.margin = 1;
  for (size_t c = 0; c < p.size(); ++c) {
    const double entropy = entropy_term(p[c]) + entropy_term(1 - p[c]);
    s.entropy = std::max(s.entropy, static_cast<float>(entropy));
    s.prob = std::min(s.prob, static_cast<float>(std::max(p[c], 1 - p[c])));
    const double distance = std::abs(static_cast<float>(p[c]) - label_threshold(scoring, c));
    s.margin = std::min(s.margin, static_cast<float>(distance));
  }
  return s;
}

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
  ExitScore s;
  switch (scoring.problem) {
    case ProblemType::single_label:
      s = score_classes(p);
      break;
    case ProblemType::multi_label:
      s = score_labels(scoring, p);
      break;
    case ProblemType::regression:
      break;
  }
  s.value = static_cast<float>(p[0]);
  for (size_t c = 0; c < p.size(); ++c) {
    probs[c] = static_cast<float>(p[c]);
    const double logit = scoring.problem == ProblemType::single_label ? log_of(p[c])
                         : scoring.problem == ProblemType::multi_label
                             ? log_of(p[c]) - log_of(1 - p[c])
                             : p[c];
    logits[c] = static_cast<float>(logit);
  }
  return s;
}

}  // namespace costeff::exits
