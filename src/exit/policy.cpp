#include "exit/policy.h"

#include <costeff/policy.h>

#include <algorithm>
#include <cmath>

namespace costeff::exits {
namespace {

// Of thresholds or weights: one for all layers, or one for each.
double number_at(const std::vector<double>& list, int64_t layer) {
  if (list.empty()) return 0;
  return list.size() == 1 ? list[0] : list[static_cast<size_t>(layer - 1)];
}

double threshold_at(const ExitPolicy& p, int64_t layer) { return number_at(p.thresholds, layer); }

// Counts the exits in a row of which something holds; true when there are enough.
bool enough_in_a_row(const ExitPolicy& p, bool holds, ExitState* state) {
  state->agreed = holds ? state->agreed + 1 : 0;
  return p.patience > 0 && state->agreed == p.patience;
}

// PABEE (Zhou et al. 2020): counts the exits in a row that agree with their predecessor.
bool patience_leaves(const ExitPolicy& p, ProblemType problem, int64_t layer,
                     const ExitScore& score, ExitState* state) {
  const bool agrees =
      state->seen &&
      (problem == ProblemType::regression
           ? std::abs(static_cast<double>(score.value) - state->value) < threshold_at(p, layer)
           : score.label == state->label);
  state->seen = true;
  state->label = score.label;
  state->value = score.value;
  return enough_in_a_row(p, agrees, state);
}

// F-PABEE. The first exit has none before it to differ from.
bool divergence_leaves(const ExitPolicy& p, int64_t layer, const ExitScore& score,
                       ExitState* state) {
  const bool close = state->seen && static_cast<double>(score.divergence) < threshold_at(p, layer);
  state->seen = true;
  return enough_in_a_row(p, close, state);
}

// The entropy of the largest one is
// -(1 - r) ln(1 - r), where r is the sum of the others, which are accurate near 0.
void score_distribution(std::span<const float> probs, ExitScore* s) {
  const auto top =
      static_cast<size_t>(std::max_element(probs.begin(), probs.end()) - probs.begin());
  double rest = 0, second = 0, entropy = 0;
  for (size_t c = 0; c < probs.size(); ++c) {
    const auto p = static_cast<double>(probs[c]);
    if (c == top) continue;
    rest += p;
    second = std::max(second, p);
    if (p > 0) entropy -= p * std::log(p);
  }
  const auto p = static_cast<double>(probs[top]);
  entropy -= rest < 0.5 ? (1 - rest) * std::log1p(-rest) : p * std::log(p);
  s->label = static_cast<int32_t>(top);
  s->prob = probs[top];
  s->margin = static_cast<float>(p - second);
  s->entropy = static_cast<float>(entropy);
}

void score_label_probs(const Scoring& scoring, std::span<const float> probs, ExitScore* s) {
  s->prob = s->margin = 1;
  s->entropy = 0;
  for (size_t c = 0; c < probs.size(); ++c) {
    const auto p = static_cast<double>(probs[c]);
    const double least = std::min(p, 1 - p);
    const double entropy =
        least > 0 ? -least * std::log(least) - (1 - least) * std::log1p(-least) : 0;
    s->entropy = std::max(s->entropy, static_cast<float>(entropy));
    s->prob = std::min(s->prob, static_cast<float>(1 - least));
    s->margin = std::min(s->margin, static_cast<float>(std::abs(p - label_threshold(scoring, c))));
  }
}

}  // namespace

ExitScore score_softmax(std::span<const float> logits, std::span<float> probs) {
  ExitScore s;
  const size_t n = logits.size();
  size_t top = 0;
  for (size_t c = 1; c < n; ++c) {
    if (logits[c] > logits[top]) top = c;
  }
  // With the largest logit subtracted, Z = 1 + rest, and H = ln Z - sum_c p_c z_c is a sum of terms
  // >= 0: nothing cancels, and a probability that underflows adds exactly 0.
  double rest = 0;
  for (size_t c = 0; c < n; ++c) {
    if (c != top) rest += std::exp(static_cast<double>(logits[c]) - logits[top]);
  }
  double entropy = std::log1p(rest), second = 0;
  for (size_t c = 0; c < n; ++c) {
    const double z = static_cast<double>(logits[c]) - logits[top];
    const double p = std::exp(z) / (1 + rest);
    probs[c] = static_cast<float>(p);
    if (c == top) continue;
    if (p > 0) entropy -= p * z;
    second = std::max(second, p);
  }
  s.label = static_cast<int32_t>(top);
  s.prob = static_cast<float>(1 / (1 + rest));
  s.margin = static_cast<float>(1 / (1 + rest) - second);
  s.entropy = static_cast<float>(entropy);
  s.value = logits[0];
  return s;
}

ExitScore score_sigmoids(const Scoring& scoring, std::span<const float> logits,
                         std::span<float> probs) {
  ExitScore s;
  s.prob = s.margin = 1;
  s.value = logits[0];
  for (size_t c = 0; c < logits.size(); ++c) {
    // By z = -|logit|: e^z <= 1, and the entropy ln(1 + e^z) - z e^z / (1 + e^z) is a sum of terms >= 0.
    const double z = -std::abs(static_cast<double>(logits[c])), e = std::exp(z);
    const double least = e / (1 + e);
    probs[c] = static_cast<float>(logits[c] < 0 ? least : 1 / (1 + e));
    const double entropy = std::log1p(e) - (e > 0 ? z * least : 0);
    s.entropy = std::max(s.entropy, static_cast<float>(entropy));
    s.prob = std::min(s.prob, static_cast<float>(1 / (1 + e)));
    const double distance = std::abs(probs[c] - label_threshold(scoring, c));
    s.margin = std::min(s.margin, static_cast<float>(distance));
  }
  return s;
}

ExitScore score_logits(const Scoring& scoring, std::span<const float> logits,
                       std::span<float> probs) {
  return scoring.problem == ProblemType::multi_label ? score_sigmoids(scoring, logits, probs)
                                                     : score_softmax(logits, probs);
}

void score_probs(const Scoring& scoring, std::span<const float> probs, ExitScore* score) {
  if (scoring.problem == ProblemType::multi_label) {
    score_label_probs(scoring, probs, score);
  } else {
    score_distribution(probs, score);
  }
}

void choose_labels(const Scoring& scoring, std::span<const float> probs,
                   std::vector<int32_t>* labels) {
  labels->clear();
  for (size_t c = 0; c < probs.size(); ++c) {
    if (probs[c] > label_threshold(scoring, c)) labels->push_back(static_cast<int32_t>(c));
  }
}

double compared_score(PolicyKind kind, const ExitScore& score) {
  switch (kind) {
    case PolicyKind::max_prob:
      return score.prob;
    case PolicyKind::margin:
      return score.margin;
    case PolicyKind::learned:
      return score.uncertainty;
    case PolicyKind::divergence_patience:
      return score.divergence;
    default:
      return score.entropy;
  }
}

// BEEM: S = w c + the S before, if that was of the same label.
double add_evidence(const ExitPolicy& p, int64_t layer, const ExitScore& score, ExitState* state) {
  if (!state->seen || score.label != state->label) state->evidence = 0;
  state->evidence += number_at(p.exit_weights, layer) * static_cast<double>(score.prob);
  state->seen = true;
  state->label = score.label;
  return state->evidence;
}

bool leaves(const ExitPolicy& p, ProblemType problem, int64_t layer, const ExitScore& score,
            ExitState* state) {
  if (layer < p.exit_start) return false;
  switch (p.kind) {
    case PolicyKind::never:
      return false;
    case PolicyKind::fixed:
      return layer >= p.layer;
    case PolicyKind::patience:
      return patience_leaves(p, problem, layer, score, state);
    case PolicyKind::confident_patience:
      return enough_in_a_row(p, static_cast<double>(score.entropy) < threshold_at(p, layer), state);
    case PolicyKind::divergence_patience:
      return divergence_leaves(p, layer, score, state);
    case PolicyKind::evidence:
      return add_evidence(p, layer, score, state) > threshold_at(p, layer);
    default: {
      // The same numbers are compared as are printed.
      const double limit = threshold_at(p, layer), v = compared_score(p.kind, score);
      return policy_traits(p.kind).leaves_above ? v > limit : v < limit;
    }
  }
}

}  // namespace costeff::exits
