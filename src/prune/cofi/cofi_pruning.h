#pragma once

// CoFi's pruning as a run of training (costeff/train.h): a fine-tuned model becomes slender while it learns
// from a teacher, mostly itself. What follows is the last stage, recipe "cofi" of costeff::Trainer, with
// the result as its backbone.
//
// Not as the reference: the weights' schedule is not begun again after the first steps, and goes from the
// first one to 0; the folded model is exactly the masked one (fold_masks.h); D is over real tokens alone
// (train/layer_distil.h).

#include <costeff/train.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/spec.h"

namespace costeff::prune {

struct CofiOptions {
  // Of both models and of training. The recipe, exits and temperature are not read; the seed is.
  TrainOptions train;
  double sparsity = 0.8;  // share of the layers' weights that goes, CoFi's count: 0 to less than 1
  double warmup =
      0.1;  // share of the steps with masks in which the target rises to it (2 of 20 epochs)
  int64_t first_steps = 100;                    // without masks; at most a tenth of all steps
  bool hidden = true;                           // hidden units may go, too
  double mask_rate = 0.01, lambda_rate = 0.01;  // learning rates of masks and of the Lagrangian
};

struct CofiResult {
  TrainResult training;
  double sparsity = 0;   // of the model that was written
  bool reached = false;  // as asked for
};

class CofiPruning {
 public:
  // Throws Error, as Trainer; Error(usage) for a sparsity that no masks can have. options.train.teacher
  // empty: the model itself.
  CofiPruning(const std::string& model, std::vector<TrainRow> train, std::vector<TrainRow> dev,
              CofiOptions options);
  ~CofiPruning();

  const TrainPlan& plan() const;
  double estimate_seconds();
  // As Trainer::run: state in OUT.training, nullopt if it was stopped. The best model by dev rows of those
  // that reach the sparsity, or the last one without dev rows. After the last step a model that nearly
  // reaches it loses a few more units. Only a run that a time limit ends may not reach it.
  std::optional<CofiResult> run(const std::string& out, const TrainObserver& observer = {},
                                const std::atomic<bool>* stop = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The share of the layers' weights of `whole` that `slender` is without, as CoFi counts.
double sparsity_between(const model::Architecture& whole, const model::Architecture& slender);

}  // namespace costeff::prune
