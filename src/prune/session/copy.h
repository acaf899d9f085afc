#pragma once

#include <memory>
#include <string>

#include "base/fail.h"
#include "checkpoint/checkpoint.h"
#include "grad/weights.h"

namespace costeff::prune {

// A copy of a fine-tuned model for training's kernels.
struct Copy {
  checkpoint::Backbone backbone;
  std::unique_ptr<grad::TrainedWeights> weights;

  Copy(const std::string& path, const kernels::KernelTable& kernels, grad::Frozen frozen)
      : backbone(checkpoint::load_backbone(path)) {
    if (backbone.model.arch.heads.empty())
      fail_model("{}: has no classifier, expected a fine-tuned model (costeff train makes one)",
                 path);
    weights = std::make_unique<grad::TrainedWeights>(&backbone.model, kernels,
                                                     kernels::Precision::float32,
                                                     std::span<const model::Linear>(), frozen);
  }
};

}  // namespace costeff::prune
