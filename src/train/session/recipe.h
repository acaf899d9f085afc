#pragma once

// Recipes as data: what `costeff/train.h` tells of one, and its stages.

#include <costeff/train.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "model/spec.h"
#include "train/objective.h"

namespace costeff::train {

// Which parameters a stage changes.
enum class Trains {
  all,             // what a loss reaches
  ramps,           // off-ramps, all else is frozen: the backbone is computed once
  ramps_unfrozen,  // off-ramps; the gradients of all else count in the norm, as in DeeBERT's code
};

struct StageRow {
  std::string_view name, what;
  Aim aim = Aim::last;
  Trains trains = Trains::all;
  bool teacher = false;  // reads a teacher's answers
  bool third = false;    // a third of the epochs, whole ones (COST-EFF's stage 2a)
  bool answers = true;   // trains what the last exit needs to answer, so it can be judged
  bool masks = false;    // weights are multiplied by masks, which are trained, too (prune/cofi)
};

struct RecipeRow {
  Recipe recipe;
  std::span<const StageRow> stages;
  bool skip_short = false;  // LoopOptions::skip_short
  bool part = false;        // of `costeff slenderize`, and none of recipes()
  // CoFi's: torch's AdamW, embeddings that stay, a constant learning rate.
  bool torch_adam = false, embeddings_stay = false, constant_rate = false;
  // Off-ramps are all that is trained, so the states that they read are computed once.
  bool ramps_alone() const { return stages.front().trains == Trains::ramps; }
  // Layers are matched with the teacher's.
  bool matches_layers() const { return stages.front().aim == Aim::layers; }
  // Off-ramps learn when to exit (BERxiT's lte).
  bool learns_to_exit() const { return stages.front().aim == Aim::alternate_lte; }
};

// Throws Error(usage), which lists the names.
const RecipeRow& recipe_row(std::string_view name);

// Whether an exit is an off-ramp: not that of the last layer.
inline bool is_ramp(const model::Head& head, int64_t layers) { return head.layer < layers; }

}  // namespace costeff::train
