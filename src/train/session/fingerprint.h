#pragma once

#include <string>

#include "train/session/prepared.h"

namespace costeff::train {

// A hash of all that a run's bits depend on: options, rows, weights as they are before the first step,
// the kernels. A run goes on only from a state with the same one.
std::string fingerprint(const Prepared& prepared);

}  // namespace costeff::train
