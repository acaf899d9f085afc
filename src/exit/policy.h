#pragma once

// When a sequence leaves: pure functions of numbers. What each policy is stands in
// costeff/policy.h.

#include <costeff/exit_table.h>
#include <costeff/options.h>

#include <cstdint>
#include <span>

namespace costeff::exits {

// What an exit says about one sequence.
struct ExitScore {
  int32_t label = 0;       // argmax, the first one on a tie
  float prob = 0;          // of label
  float margin = 0;        // prob less the second largest; 1 with one label
  float entropy = 0;       // nats
  float value = 0;         // the first logit: the score of a regression
  float uncertainty = -1;  // learned (BERxiT): sigmoid of the exit's LTE output; -1: has none
};

// What a policy remembers of one sequence from exit to exit.
struct ExitState {
  bool seen = false;  // some exit has been asked
  int32_t label = 0;  // of the exit asked last
  float value = 0;
  int32_t agreed = 0;  // exits in a row that agreed with the one before them
};

// Entry i of what is [rows, E] in a table.
inline ExitScore score_at(const ExitTable& t, size_t i) {
  return {t.label[i], t.prob[i], t.margin[i], t.entropy[i], t.value[i], t.uncertainty[i]};
}

// softmax of logits [C] into probs [C] (float64 inside), and what follows from it. The entropy is a
// sum of terms >= 0, accurate to its last digits also near 0; 0 ln 0 is 0.
ExitScore score_logits(std::span<const float> logits, std::span<float> probs);

// Does a sequence leave at `layer` (1-based), where the exit says `score`? Asked once for each exit
// that is passed, in order; the state starts out as it is made.
bool leaves(const ExitPolicy& policy, bool regression, int64_t layer, const ExitScore& score,
            ExitState* state);

// What a policy with a threshold compares with it.
double compared_score(PolicyKind kind, const ExitScore& score);

}  // namespace costeff::exits
