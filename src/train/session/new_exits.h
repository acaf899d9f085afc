#pragma once

// The exits that a backbone is trained with: those it has, where they fit, else new ones.

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/spec.h"

namespace costeff::train {

struct ExitWishes {
  std::string dialect;          // which forms the exits have: "plain", "costeff", "deebert", ...
  std::vector<int64_t> layers;  // of the off-ramps, ascending, below L
  model::Pooling pooling = model::Pooling::first;  // of new exits
  bool any_last = false;   // a last exit that has the right labels stays, whatever its form
  bool must_keep = false;  // it must be there, as only off-ramps are trained
  ProblemType problem = ProblemType::single_label;
  std::vector<std::string> labels;  // [C]; regression: empty
  uint64_t seed = 0;                // of new weights: N(0, 0.02), biases 0
};

// Gives `backbone` its exits, labels and dialect. Returns what a user should know, one line each.
// Throws Error(usage) if the last exit must be kept and does not fit.
std::vector<std::string> give_exits(checkpoint::Backbone* backbone, const ExitWishes& wishes);

}  // namespace costeff::train
