#pragma once

// Decides when a sequence leaves: pure functions of numbers. costeff/policy.h describes the policies.

#include <costeff/exit_table.h>
#include <costeff/options.h>

#include <cstdint>
#include <span>

namespace costeff::exits {

// The scores of one sequence at one exit.
struct ExitScore {
  int32_t label = 0;       // argmax, the first one on a tie
  float prob = 0;          // of label
  float margin = 0;        // prob minus the second largest; 1 with one label
  float entropy = 0;       // nats
  float value = 0;         // the first logit: the score of a regression
  float uncertainty = -1;  // learned (BERxiT): sigmoid of the exit's LTE output; -1: there is none
};

// What a policy remembers about one sequence from exit to exit.
struct ExitState {
  bool seen = false;  // the sequence has passed an exit
  int32_t label = 0;  // at the last exit passed
  float value = 0;
  int32_t agreed = 0;  // exits in a row that agreed with the one before them
};

// Entry i of the arrays [rows, E] in a table.
inline ExitScore score_at(const ExitTable& t, size_t i) {
  return {t.label[i], t.prob[i], t.margin[i], t.entropy[i], t.value[i], t.uncertainty[i]};
}

// Computes the softmax of logits [C], in float64, to probs [C], and the scores that follow from it. The
// entropy is a sum of terms >= 0, so it is accurate to its last digits even near 0; 0 ln 0 is 0.
ExitScore score_logits(std::span<const float> logits, std::span<float> probs);

// Whether a sequence leaves at `layer` (1-based), where the exit has these scores. To be called once for
// each exit that is passed, in order, beginning with a new state.
bool leaves(const ExitPolicy& policy, bool regression, int64_t layer, const ExitScore& score,
            ExitState* state);

// The score that a policy with a threshold compares with it.
double compared_score(PolicyKind kind, const ExitScore& score);

}  // namespace costeff::exits
