#pragma once

// Updates that wait. A row of the word embeddings that no token of a step has gets a gradient of 0:
// AdamW moves it all the same, by its moments and the decay. Nobody sees that until the row is read, so
// its steps are taken then, one by one, while it is in the cache. In a small model these rows are half
// of all weights. The bits are those of steps taken at once.

#include <cstdint>
#include <span>
#include <vector>

#include "base/threads/crew.h"
#include "grad/weights.h"
#include "kernels/grad_table.h"

namespace costeff::train {

class LateRows {
 public:
  // p: with `touched`; its moments. All must outlive this.
  LateRows(const kernels::GradTable& grad, grad::TrainedParameter* p, float* first, float* second);

  // A step: rows that are touched are moved now, by their gradients; they must have caught up. Every
  // thread of the crew calls it; they have met when it returns.
  void step(const kernels::AdamStep& step, const Crew& crew);
  // Takes the steps that these rows, or all, have waited for. Likewise.
  void catch_up(std::span<const int32_t> rows, const Crew& crew);
  void catch_up(const Crew& crew);

 private:
  void catch_up_row(int64_t row);
  const kernels::GradTable& grad_;
  grad::TrainedParameter& p_;
  float *first_, *second_;
  std::vector<float> zeros_;                // a gradient
  std::vector<kernels::AdamStep> waiting_;  // the steps that some row has not taken
  std::vector<int32_t> taken_;              // by row: the number of these that it has taken
};

}  // namespace costeff::train
