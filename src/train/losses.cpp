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

// ln(1 + e^x), without overflow.
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double sigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

// A set's cross-entropy: the mean over the labels of -w q ln p - (1 - q) ln(1 - p), p = sigmoid(logit / t).
template <typename Target, typename Weight>
void add_sigmoid_entropy(const float* logits, int64_t labels, double t, Target target,
                         Weight weight, Share share, float* d, double* sum) {
  const auto n = static_cast<double>(labels);
  for (int64_t c = 0; c < labels; ++c) {
    const double x = logits[c] / t, q = target(c), w = weight(c);
    *sum += (w * q * softplus(-x) + (1 - q) * softplus(x)) / n;
    if (d) {
      const double p = sigmoid(x);
      add(d + c, share.weight * ((1 - q) * p - w * q * (1 - p)) / (t * n * share.divisor));
    }
  }
}

// Whether logits answer a row's set, at probabilities of 0.5.
bool is_right_set(const float* logits, const float* set, int64_t labels) {
  for (int64_t c = 0; c < labels; ++c)
    if ((logits[c] > 0) != (set[c] > 0)) return false;
  return true;
}

}  // namespace

void hard_loss(const float* logits, const Gold& gold, int64_t rows, int64_t labels, Share share,
               float* d, double* sum) {
  for (int64_t b = 0; b < rows; ++b, logits += labels) {
    const auto at = static_cast<size_t>(b);
    float* row = d ? d + b * labels : nullptr;
    switch (gold.problem()) {
      case ProblemType::regression:
        add_square(logits[0], gold.scores[at], share, row, sum);
        break;
      case ProblemType::multi_label: {
        const auto weight = [&](int64_t c) {
          return gold.pos_weights.empty() ? 1 : gold.pos_weights[static_cast<size_t>(c)];
        };
        const float* set = gold.sets.data() + b * labels;
        const auto target = [set](int64_t c) { return static_cast<double>(set[c]); };
        add_sigmoid_entropy(logits, labels, 1, target, weight, share, row, sum);
        break;
      }
      case ProblemType::single_label:
        add_cross_entropy(logits, labels, gold.labels[at], gold, share, row, sum);
    }
  }
}

void soft_loss(const float* logits, const float* target, int64_t rows, int64_t labels,
               double temperature, Share share, float* d, double* sum, bool sets) {
  for (int64_t b = 0; b < rows; ++b, logits += labels, target += labels) {
    if (sets) {
      const auto theirs = [&](int64_t c) { return sigmoid(target[c] / temperature); };
      add_sigmoid_entropy(
          logits, labels, temperature, theirs, [](int64_t) { return 1.0; }, share,
          d ? d + b * labels : nullptr, sum);
      continue;
    }
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
                     double temperature, Share share, float* d, double* sum, bool sets) {
  for (int64_t b = 0; b < rows; ++b, logits += labels, target += labels) {
    double cross = 0, entropy = 0;
    soft_loss(logits, target, 1, labels, temperature, share, d ? d + b * labels : d, &cross, sets);
    soft_loss(target, target, 1, labels, temperature, share, nullptr, &entropy, sets);
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
    double wanted = 0;
    switch (gold.problem()) {
      case ProblemType::regression:
        wanted = std::fabs(std::tanh(static_cast<double>(logits[0]) - gold.scores[at]));
        break;
      case ProblemType::multi_label:
        wanted = is_right_set(logits, gold.sets.data() + b * labels, labels) ? 0 : 1;
        break;
      case ProblemType::single_label:
        wanted = std::max_element(logits, logits + labels) - logits == gold.labels[at] ? 0 : 1;
    }
    add_square(uncertain[b], wanted, share, d ? d + b : d, sum);
  }
}

}  // namespace costeff::train
