#pragma once

// Gradients of masks on rows, batch by batch.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/threads/team.h"
#include "grad/weights.h"
#include "prune/mask_gradients.h"
#include "train/loop.h"

namespace costeff::prune {

struct RowGradients {
  std::vector<MaskGradients> layers;  // [L] of [units, batches of 32 rows]
  double seconds = 0;                 // that they took
};

// The losses of all exits against the rows' answers. drawn_seed: the rows have none; each gets one drawn
// from what the last exit says, the same for all exits. Throws Error(input) for a loss that is not finite.
// nullopt: `stop` said so. progress(done, all) may be empty.
std::optional<RowGradients> gradients_of_rows(grad::TrainedWeights* weights,
                                              std::span<const train::Row> rows,
                                              std::optional<uint64_t> drawn_seed, Team* team,
                                              const std::function<void(int64_t, int64_t)>& progress,
                                              const std::function<bool()>& stop);

}  // namespace costeff::prune
