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

}  // namespace

double hard_loss(const float* logits, const Gold& gold, int64_t rows, int64_t labels,
                 int64_t rows_of_step, double weight, float* d) {
  const auto all = static_cast<double>(rows_of_step);
  double loss = 0;
  for (int64_t b = 0; b < rows; ++b, logits += labels) {
    const auto at = static_cast<size_t>(b);
    if (gold.labels.empty()) {
      const double off = static_cast<double>(logits[0]) - gold.scores[at];
      loss += off * off;
      if (d) add(d + b, weight * 2 * off / all);
      continue;
    }
    const double whole = log_sum(logits, labels, 1);
    loss += whole - logits[gold.labels[at]];
    for (int64_t c = 0; d && c < labels; ++c) {
      const double p = std::exp(logits[c] - whole);
      add(d + b * labels + c, weight * (p - (c == gold.labels[at] ? 1 : 0)) / all);
    }
  }
  return loss / all;
}

double soft_loss(const float* logits, const float* target, int64_t rows, int64_t labels,
                 double temperature, bool sum, int64_t rows_of_step, double weight, float* d) {
  const double divisor = sum ? 1.0 : static_cast<double>(rows_of_step);
  double loss = 0;
  for (int64_t b = 0; b < rows; ++b, logits += labels, target += labels) {
    const double ours = log_sum(logits, labels, temperature);
    const double theirs = log_sum(target, labels, temperature);
    for (int64_t c = 0; c < labels; ++c) {
      const double q = std::exp(target[c] / temperature - theirs);
      const double log_p = logits[c] / temperature - ours;
      loss -= q * log_p;
      if (d) add(d + b * labels + c, weight * (std::exp(log_p) - q) / (temperature * divisor));
    }
  }
  return loss / divisor;
}

double score_loss(const float* scores, const float* target, int64_t rows, int64_t rows_of_step,
                  double weight, float* d) {
  const auto all = static_cast<double>(rows_of_step);
  double loss = 0;
  for (int64_t b = 0; b < rows; ++b) {
    const double off = static_cast<double>(scores[b]) - target[b];
    loss += off * off;
    if (d) add(d + b, weight * 2 * off / all);
  }
  return loss / all;
}

double lte_loss(const float* uncertain, const float* logits, const Gold& gold, int64_t rows,
                int64_t labels, double divisor, double weight, float* d) {
  double loss = 0;
  for (int64_t b = 0; b < rows; ++b, logits += labels) {
    const auto at = static_cast<size_t>(b);
    const double wanted =
        gold.labels.empty() ? std::fabs(std::tanh(static_cast<double>(logits[0]) - gold.scores[at]))
        : std::max_element(logits, logits + labels) - logits == gold.labels[at] ? 0
                                                                                : 1;
    const double off = uncertain[b] - wanted;
    loss += off * off;
    if (d) add(d + b, weight * 2 * off / divisor);
  }
  return loss / divisor;
}

}  // namespace costeff::train
