#pragma once

// Makes up for dropped units, sublayer by sublayer from the bottom: the output of each, on rows of real
// text, is fitted to what the unpruned model has there.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/threads/team.h"
#include "grad/layer.h"
#include "grad/network.h"
#include "prune/fit.h"
#include "prune/units.h"

namespace costeff::prune {

enum class Fit {
  refit,            // the whole output matrix, and the bias of a sublayer that lost all units
  scales,           // a scale for each unit
  reference_scales  // Kwon's code, accidents included: see tune.cpp
};

struct TuneOptions {
  Fit fit = Fit::refit;
  double ridge = 0.01;  // as a share of the mean diagonal
  double limit = 10;    // the largest scale
  // Kwon's teacher, whose units are dropped too; null: the unpruned model.
  const Kept* teacher = nullptr;
};

// Called after each sublayer, with its equations where the fit has scales.
using TuneObserver =
    std::function<void(int64_t layer, grad::Sublayer sublayer, const ScaleEquations* equations)>;

// The model in training's form, in the order in which it is run.
struct TuneModels {
  const grad::TrainedWeights* original = nullptr;
  // Copies of it, whose output matrices are written to. teacher: if TuneOptions has one.
  grad::TrainedWeights* student = nullptr;
  grad::TrainedWeights* teacher = nullptr;
};

// Drops the units of `student` that are not kept: columns of its output matrices become 0; and fits what
// stays on these rows. Returns the scale of each unit: 0 dropped; 1 where there are none. Only tokens that
// an exit reads count in the last layer, and for Kwon's scales the first ones in its feed-forward. Null
// if *stop became true.
std::optional<Scores> tune(const TuneModels& models, const Kept& kept, const TuneOptions& options,
                           std::span<const grad::Batch> batches, Team* team,
                           const TuneObserver& observer = nullptr,
                           const std::function<bool()>& stop = nullptr);

}  // namespace costeff::prune
