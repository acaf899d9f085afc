#pragma once

// What a run of training holds in memory, and its stages.

#include <costeff/train.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/threads/team.h"
#include "grad/network.h"
#include "train/loop.h"
#include "train/optimiser.h"
#include "train/session/opened.h"
#include "train/session/pooled.h"
#include "train/session/recipe.h"

namespace costeff::train {

// Weights, gradients and teacher. `opened` must outlive it.
struct Workshop {
  // What the recipe and the user's flags freeze is frozen from the beginning. Throws Error(model).
  Workshop(Opened* opened, const TrainOptions& options);

  model::Model& model;
  std::unique_ptr<grad::TrainedWeights> weights;
  std::unique_ptr<grad::Network> network;
  std::optional<model::Model> teacher_model;
  std::unique_ptr<grad::TrainedWeights> teacher_weights;
  std::unique_ptr<grad::Network> teacher;
  std::optional<LayerDistillation> distillation;  // of recipes that match layers
  std::optional<model::Linear> layer_map;         // and its map
  std::unique_ptr<Pooled> pooled;                 // of `ramps`, once they are computed
  Team team;

 private:
  void load_teacher(const Settings& settings, const TrainOptions& options);
  void freeze(const TrainOptions& options, bool ramps_alone);
};

// One stage: its optimiser and its loop.
struct Stage {
  Stage(int64_t index, const TrainOptions& options, const Settings& settings, Workshop* shop,
        std::span<const Row> rows);
  StepReport step(Workshop* shop) {
    return loop.step(shop->team.size(), [&](const auto& work) { shop->team.run(work); });
  }
  // Loop::catch_up().
  void catch_up(Workshop* shop) {
    loop.catch_up([&](const auto& work) { shop->team.run(work); });
  }
  const int64_t index;
  const StageRow& row;
  Optimiser optimiser;
  Loop loop;
};

// The rates of a stage by ParameterId.
std::vector<Rate> rates_of(const StageRow& row, const Settings& settings,
                           const model::Model& model);
// The number of weights that a stage changes.
int64_t trained_parameters(const StageRow& row, const TrainOptions& options,
                           const model::Model& model);

}  // namespace costeff::train
