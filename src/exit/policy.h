#pragma once

// Decides when a sequence leaves: pure functions of numbers. costeff/policy.h describes the policies.

#include <costeff/exit_table.h>
#include <costeff/options.h>

#include <cstdint>
#include <span>
#include <vector>

namespace costeff::exits {

// The scores of one sequence at one exit.
struct ExitScore {
  // Which answer it is: the argmax, the first one on a tie. Multi-label: a number that two neighbouring exits
  // share if they give the same labels.
  int32_t label = 0;
  float prob = 0;     // of label; multi-label: the least max(p, 1 - p)
  float margin = 0;   // prob minus the second largest, 1 with one label; multi-label: least |p - t|
  float entropy = 0;  // nats; multi-label: the largest of a label
  float value = 0;    // the first logit: the score of a regression
  float uncertainty = -1;  // learned (BERxiT): sigmoid of the exit's LTE output; -1: there is none
  // Jensen-Shannon, from the exit before, in nats (kept_probs.h). Only policies that compare it need it.
  float divergence = 0;
};

// What a policy remembers about one sequence from exit to exit.
struct ExitState {
  bool seen = false;  // the sequence has passed an exit
  int32_t label = 0;  // at the last exit passed
  float value = 0;
  int32_t agreed = 0;   // exits in a row that agreed with the one before them, or were confident
  double evidence = 0;  // sum over the exits in a row with that label
};

// Entry i of the arrays [rows, E] in a table.
inline ExitScore score_at(const ExitTable& t, size_t i) {
  return {t.label[i], t.prob[i],        t.margin[i],    t.entropy[i],
          t.value[i], t.uncertainty[i], t.divergence[i]};
}

// How logits become an answer.
struct Scoring {
  ProblemType problem = ProblemType::single_label;
  std::span<const double> label_thresholds;  // multi-label: RunOptions::label_thresholds
};

// Label c is part of a multi-label answer if its probability, as printed, is above this.
inline double label_threshold(const Scoring& s, size_t c) {
  const std::span<const double> t = s.label_thresholds;
  return t.empty() ? 0.5 : t[t.size() == 1 ? 0 : c];
}

// The scores of logits [C], and their probabilities [C] (of a regression without meaning). The label of a
// multi-label answer is left 0, for the caller to number.
ExitScore score_logits(const Scoring& scoring, std::span<const float> logits,
                       std::span<float> probs);

// The softmax of logits [C], in float64. The entropy is a sum of terms >= 0, so it is accurate to its last
// digits even near 0; 0 ln 0 is 0.
ExitScore score_softmax(std::span<const float> logits, std::span<float> probs);
// A sigmoid of each, likewise.
ExitScore score_sigmoids(const Scoring& scoring, std::span<const float> logits,
                         std::span<float> probs);

// Sets label, prob, margin and entropy from probabilities [C] that are no longer those of logits: means of exits,
// joined windows. The label of a multi-label answer, value and the rest stay.
void score_probs(const Scoring& scoring, std::span<const float> probs, ExitScore* score);

// The labels of a multi-label answer with these probabilities [C].
void choose_labels(const Scoring& scoring, std::span<const float> probs,
                   std::vector<int32_t>* labels);

// Whether a sequence leaves at `layer` (1-based), where the exit has these scores. To be called once for
// each exit that is passed, in order, beginning with a new state.
bool leaves(const ExitPolicy& policy, ProblemType problem, int64_t layer, const ExitScore& score,
            ExitState* state);

// The score of one exit that a policy with a threshold compares with it; not of evidence, which is a sum.
double compared_score(PolicyKind kind, const ExitScore& score);

// Adds an exit that is passed to the evidence, and returns it.
double add_evidence(const ExitPolicy& policy, int64_t layer, const ExitScore& score,
                    ExitState* state);

}  // namespace costeff::exits
