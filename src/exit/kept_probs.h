#pragma once

// Some policies need the probabilities of earlier exits: the divergence from the exit before, the mean of
// several. What is kept of them for a sequence is one array, and nothing for the other policies.

#include <costeff/options.h>

#include <cstdint>
#include <span>

#include "exit/policy.h"

namespace costeff::exits {

// How many numbers a policy keeps for a sequence: 0, or C.
int64_t kept_numbers(const ExitPolicy& policy, int64_t num_labels);

// The Jensen-Shannon divergence of two answers with probabilities [C], in nats: 0 to ln 2. Multi-label: the
// mean over the labels of the divergence of the two Bernoulli distributions, {p, 1 - p} and {q, 1 - q}.
float divergence(ProblemType problem, std::span<const float> p, std::span<const float> q);

// To be called before leaves() for each exit that is passed, if the policy keeps numbers. probs: [C] of the
// exit; kept: [C]. Sets score->divergence if the policy compares it.
void keep_probs(const ExitPolicy& policy, ProblemType problem, int64_t layer,
                std::span<const float> probs, const ExitState& state, std::span<float> kept,
                ExitScore* score);

// To be called when leaves() said so, if averages(policy): makes the sums in `kept` the means, and `score`
// what the means say; `value`, `uncertainty` and a multi-label answer's `label` stay.
void average_answer(const Scoring& scoring, int64_t exits, std::span<float> kept, ExitScore* score);

}  // namespace costeff::exits
