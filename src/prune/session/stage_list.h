#pragma once

// The stages of a method as data.

#include <costeff/slender_train.h>

#include <cstdint>
#include <string>
#include <vector>

#include "prune/schedule.h"

namespace costeff::prune {

struct SlenderStage {
  std::string name, what;
  std::string directory = {};  // of its model, in OUT.stages
  enum class Kind { train, importance, masks } kind = Kind::train;
  std::string recipe = {};  // Kind::train: that it trains by
  double epochs = 0;        // of the rows that are looked at, also to prune
  double rate = 1;          // of the learning rates
  int64_t pruning = 0;      // how many there were with this one, of a stage that prunes or recovers
  double hidden_share = 0;  // TrainOptions::hidden_share
  bool from_backbone = false;     // begins with SlenderTrainOptions::backbone
  bool teacher_is_model = false;  // learns from the model given; else from the assistant
  Widths widths = {};             // after it, where they are known
};

struct StageListInput {
  Widths from, to;
  int64_t hidden = 0;
  int64_t rows = 0;
  int64_t all_heads = 0;   // of a layer of the model before any pruning
  std::string task;        // of GLUE; or another name
  bool assistant = false;  // off-ramps have to be made first
};

// COST-EFF's: assistant, prunings in turns with training, recovery.
std::vector<SlenderStage> costeff_stages(const StageListInput& input,
                                         const SlenderTrainOptions& options);

// CoFi's: masks learn what stays, then what stays learns from the whole model.
std::vector<SlenderStage> cofi_stages(int64_t rows, const SlenderTrainOptions& options);
// Share of the steps with masks in which the sparsity rises to its target.
double cofi_warmup(int64_t rows);

}  // namespace costeff::prune
