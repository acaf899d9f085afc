#pragma once

// Exit policies: pure functions of numbers. A new one is a row in policy.cpp's table.

#include <costeff/error.h>
#include <costeff/options.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

// softmax of logits [C] into probs [C] (float64 inside), and what follows from it. The entropy is a
// sum of terms >= 0, accurate to its last digits also near 0; 0 ln 0 is 0.
ExitScore score_logits(std::span<const float> logits, std::span<float> probs);

// Does a sequence leave at `layer` (1-based), where the exit says `score`? Asked once for each exit
// that is passed, in order; the state starts out as it is made.
bool leaves(const ExitPolicy& policy, bool regression, int64_t layer, const ExitScore& score,
            ExitState* state);

// Does the policy look at exits before the last at all?
inline bool is_adaptive(const ExitPolicy& p) {
  return p.kind != PolicyKind::never && p.kind != PolicyKind::fixed;
}

const char* policy_name(PolicyKind kind);
// "entropy", "max-prob", ... Throws Error(usage), which lists the names.
PolicyKind policy_from_name(std::string_view name);
// "0.3"; one a layer, "0.3,0.2,0.1"; or as BERxiT writes them, "v,n;v,n": v for the next n layers.
// Throws Error(usage).
std::vector<double> parse_thresholds(std::string_view text);

// Throws Error(kind) if the policy does not fit a model of `layers` layers: a threshold that is not
// a number or missing, a list of the wrong length, a layer out of range. `place` begins the
// message.
void check_policy(const ExitPolicy& policy, int64_t layers, const std::string& place,
                  ErrorKind kind);

}  // namespace costeff::exits
