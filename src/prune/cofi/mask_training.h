#pragma once

// Learns CoFi's masks beside the weights: log alphas by what the distillation says of the masks and by the
// Lagrangian of a target sparsity,
//   lambda_1 (s - t) + lambda_2 (s - t)^2
// whose lambdas climb. t rises from 0 to the target. Two AdamW, torch's, with constant rates.
// Source: princeton-nlp/CoFiPruning, trainer/trainer.py, models/l0_module.py.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "prune/cofi/l0.h"
#include "train/session/training.h"

namespace costeff::prune {

struct MaskOptions {
  double sparsity = 0.8;      // the target, of what PrunableSize counts
  bool hidden = true;         // hidden units have masks too
  int64_t first_steps = 100;  // without masks
  int64_t warmup_steps = 0;   // in which t rises; the first ones do not count
  double rate = 0.01;         // of log alphas
  double lambda_rate = 0.01;
  uint64_t seed = 57;
};

class MaskTraining {
 public:
  MaskTraining(const model::Architecture& arch, const MaskOptions& options);

  // For a run of training; it points to this.
  train::Guide guide();

  double target(int64_t step) const;
  // Of evaluation. After the last step they meet the target.
  grad::Masks masks() const {
    return done_ ? masks_of_sparsity(size_, a_, options_.sparsity) : evaluation_masks(a_);
  }
  // Of these masks.
  double sparsity() const { return sparsity_of(size_, masks()); }
  const PrunableSize& size() const { return size_; }

 private:
  void begin(train::Workshop* shop, int64_t step, int64_t steps);
  void update(int64_t step, const Crew& crew);
  void descend(int64_t step);
  // The masks of a step, before it is computed.
  void draw(int64_t step);
  std::vector<Tensor> layer_map();
  std::string about() const;  // Guide::about

  MaskOptions options_;
  PrunableSize size_;
  train::Workshop* shop_ = nullptr;
  LogAlphas a_, first_, second_;  // and moments
  // Of both lambdas: values, moments.
  std::vector<float> lambda_, lambda_first_, lambda_second_;
  Noise noise_;
  grad::Masks masks_;
  grad::MaskGradients d_masks_, d_a_;
  double loss_ = 0;
  int64_t steps_ = 0;              // of the run
  bool done_ = false;              // they are taken
  std::optional<TensorSet> kept_;  // the bytes of layer_map()
};

}  // namespace costeff::prune
