#pragma once

// What a run is asked for, checked and completed.

#include <costeff/train.h>

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "train/loop.h"
#include "train/session/recipe.h"

namespace costeff::train {

// A recipe's settings with the user's in their place.
struct Settings {
  const RecipeRow* recipe = nullptr;
  double learning_rate = 0, head_learning_rate = 0, epochs = 0;
  int64_t batch = 0;
  double warmup = 0, decay = 0;
  float dropout = 0.1f, attention_dropout = 0.1f;
  int64_t max_length = 0, threads = 1;
  kernels::Precision precision = kernels::Precision::float32;
  const kernels::KernelTable* kernels = nullptr;
  BestBy best_by = BestBy::mean;
};

// Throws Error(usage) for options that are out of range or do not fit each other or the backbone.
// longest: the tokens that its tokenizer allows.
Settings settle(const TrainOptions& options, const model::Architecture& arch, int64_t longest);

// The loop of a stage. Stages draw different orders and masks.
LoopOptions loop_options(const StageRow& row, int64_t index, const TrainOptions& options,
                         const Settings& settings);

// Gives the backbone the exits that are asked for, in a dialect that can say them. Returns what a user
// should know. Throws Error(usage).
std::vector<std::string> choose_exits(const TrainOptions& options, checkpoint::Backbone* backbone);

}  // namespace costeff::train
