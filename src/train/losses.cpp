#include "train/losses.h"

#include <algorithm>
#include <cmath>

namespace costeff::train {
namespace {

// The logarithm of the sum of e^(x / t).
double log_sum(const float* x, int64_t n, double t) {
  const double top = *std::max_element(x, x + n) / t;
  double sum = 0;
  for (int64_t c = 0; c < n; ++c) sum += std::exp(x[c] / t - top);
  return top + std::log(sum);
}

void add(float* d, double v) { *d = static_cast<float>(*d + v); }

// Adds (x - target)^2; d += share times 2 (x - target).
void add_square(double x, double target, Share share, float* d, double* sum) {
  const double off = x - target;
  *sum += off * off;
  if (d) add(d, share.weight * 2 * off / share.divisor);
}

// One row's cross-entropy against its label, of which `smoothing` is spread over all classes.
void add_cross_entropy(const float* logits, int64_t labels, int64_t label, const Gold& gold,
                       Share share, float* d, double* sum) {
  const double whole = log_sum(logits, labels, 1);
  const double spread = gold.smoothing / static_cast<double>(labels);
  const auto target = [&](int64_t c) {
    return gold.weight_of(c) * (spread + (c == label ? 1 - gold.smoothing : 0));
  };
  double targets = 0;
  for (int64_t c = 0; c < labels; ++c) {
    const double t = target(c);
    if (t == 0) continue;  // the logit of a class that is not asked for may be infinite
    *sum += t * (whole - logits[c]);
    targets += t;
  }
  for (int64_t c = 0; d && c < labels; ++c) {
    const double p = std::exp(logits[c] - whole);
    add(d + c, share.weight * (targets * p - target(c)) / share.divisor);
  }
}

}  // namespace

void hard_loss(const float* logits, const Gold& gold, int64_t rows, int64_t labels, Share share,
               float* d, double* sum) {
  for (int64_t b = 0; b < rows; ++b, logits += labels) {
    const auto at = static_cast<size_t>(b);
    float* row = d ? d + b * labels : nullptr;
    if (gold.labels.empty()) {
      add_square(logits[0], gold.scores[at], share, row, sum);
    } else {
      add_cross_entropy(logits, labels, gold.labels[at], gold, share, row, sum);
    }
  }
}

void soft_loss(const float* logits, const float* target, int64_t rows, int64_t labels,
               double temperature, Share share, float* d, double* sum) {
  for (int64_t b = 0; b < rows; ++b, logits += labels, target += labels) {
    const double ours = log_sum(logits, labels, temperature);
    const double theirs = log_sum(target, labels, temperature);
    for (int64_t c = 0; c < labels; ++c) {
      const double q = std::exp(target[c] / temperature - theirs);
      const double log_p = logits[c] / temperature - ours;
      *sum -= q * log_p;
      if (d) {
        add(d + b * labels + c,
            share.weight * (std::exp(log_p) - q) / (temperature * share.divisor));
      }
    }
  }
}

void divergence_loss(const float* logits, const float* target, int64_t rows, int64_t labels,
                     double temperature, Share share, float* d, double* sum) {
  for (int64_t b = 0; b < rows; ++b, logits += labels, target += labels) {
    double cross = 0, entropy = 0;
    soft_loss(logits, target, 1, labels, temperature, share, d ? d + b * labels : d, &cross);
    soft_loss(target, target, 1, labels, temperature, share, nullptr, &entropy);
    *sum += cross - entropy;
  }
}

void score_loss(const float* scores, const float* target, int64_t rows, Share share, float* d,
                double* sum) {
  for (int64_t b = 0; b < rows; ++b) add_square(scores[b], target[b], share, d ? d + b : d, sum);
}

void lte_loss(const float* uncertain, const float* logits, const Gold& gold, int64_t rows,
              int64_t labels, Share share, float* d, double* sum) {
  for (int64_t b = 0; b < rows; ++b, logits += labels) {
    const auto at = static_cast<size_t>(b);
    const double wanted =
        gold.labels.empty() ? std::fabs(std::tanh(static_cast<double>(logits[0]) - gold.scores[at]))
        : std::max_element(logits, logits + labels) - logits == gold.labels[at] ? 0
                                                                                : 1;
    add_square(uncertain[b], wanted, share, d ? d + b : d, sum);
  }
}

}  // namespace costeff::train
