#pragma once

// Judges a model that is being trained, by the engine itself on the live weights.

#include <costeff/train.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernel_table.h"
#include "model/spec.h"
#include "text/tokenizer.h"
#include "train/loop.h"

namespace costeff::train {

struct Judging {
  const kernels::KernelTable* kernels = nullptr;
  const text::Tokenizer* tokenizer = nullptr;
  std::span<const TrainRow> gold;
  std::span<const Row> rows;                   // as `gold`, tokenised
  std::span<const int64_t> first_window = {};  // Encoded
  TrainMetric metric;                          // empty: the one of TrainOptions
  int64_t threads = 1;
};

// The metric of every exit, [E]. The model's weights are those that training writes to; nothing may
// change them meanwhile. Computes in float32, in which the result will be opened.
std::vector<double> judge(const model::Model& model, const Judging& judging);

// What --best-by makes of it. An exit without a metric (NaN) counts as the worst.
double best_score(std::span<const double> metric, BestBy best_by);

}  // namespace costeff::train
