#pragma once

// Makes models slender with training.
// COST-EFF (Shen et al., 2022): an assistant with off-ramps learns from a fine-tuned model; its least
// important heads and neurons are pruned in turns with training, its embedding is factorised, and what is
// left learns to compute what the assistant does.
// CoFi (Xia et al., 2022): masks of heads, neurons, sublayers and hidden units are trained beside the
// weights until as much is masked as asked for; what is left learns from the whole model. It has one exit.

#include <costeff/slenderize.h>
#include <costeff/train.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace costeff {

enum class SlenderMethod { cost_eff, cofi };

struct SlenderTrainOptions {
  SlenderMethod method = SlenderMethod::cost_eff;

  // The size of the result: widths of all layers (COST-EFF), or a target. Widths that are not given
  // follow from the heads in proportion, or from the target.
  int64_t heads = 0, neurons = 0;  // of a layer
  int64_t rank = 0;                // of the word embedding; the hidden size: it stays whole
  std::optional<SlenderTarget> target;
  bool round = true;  // neurons and rank in multiples of 16, which kernels like

  // A pretrained encoder that begins; empty: the model itself.
  std::string backbone;
  double epochs_scale = 1;  // of the paper's epochs, for all stages
  // COST-EFF: rows that are looked at for each pruning, drawn with replacement; 0: as many as there are, times
  // epochs_scale.
  int64_t rows = 0;
  // CoFi: learning rate of the masks; 0: the paper's 0.01, more in proportion if there are fewer epochs.
  double mask_rate = 0;
  bool keep_stages = false;  // the models of all stages stay in OUT.stages

  // Labels, task, exits, batch, decay, clipping, dropout, seed, metric and the run as in training.
  // learning_rate: COST-EFF: that of the paper's stage 5, to which the others are in proportion. pooling: of
  // new exits, automatic: mean. The recipe, the teacher, the dialect and epochs are not read.
  TrainOptions train;
};

struct SlenderTrainPlan {
  // after: CoFi's has no heads and neurons, which it finds as it goes, and the rest is about.
  SlenderShape before, after;
  // Stages of all kinds. Those that prune by importance take no steps, and a learning rate of 0.
  TrainPlan train;
  std::vector<SlenderShape> shapes;  // after each stage
  double sparsity = 0;               // CoFi: what the masks are to reach
};

struct SlenderTrainResult {
  SlenderShape after;
  std::vector<double> metric_before;         // [E] of the model given; empty: no rows to judge by
  std::vector<double> metric_after;          // of the result
  std::vector<TrainEvaluation> evaluations;  // of all stages
  std::vector<std::string> files;
  double seconds = 0;  // of the run, in all its parts
};

// The same model, rows and options give the same bits for any number of threads, and after any
// interruption, for a given kernel table. A speed-up is measured anew each time: if widths or sparsity that
// it asks for come out otherwise, a run goes on only with those that it began with.
class SlenderTrainer {
 public:
  // model: fine-tuned, with or without off-ramps. Without them the assistant gets them first; a model that
  // has them is the assistant. Throws Error(model), Error(usage) for a size that the model cannot have,
  // and Error(input) that names the row.
  SlenderTrainer(const std::string& model, std::vector<TrainRow> rows, std::vector<TrainRow> dev,
                 SlenderTrainOptions options);
  ~SlenderTrainer();
  SlenderTrainer(SlenderTrainer&&) noexcept;
  SlenderTrainer& operator=(SlenderTrainer&&) noexcept;

  const SlenderTrainPlan& plan() const;

  // Seconds that run() will take, from a few steps of the assistant.
  double estimate_seconds();

  // Writes the slender model to the directory `out`, which must not exist or be empty; it appears
  // complete or not at all. While it runs, OUT.stages holds what is needed to go on
  // (TrainOptions::resume). nullopt if *stop became true. Throws Error(output), Error(input). May be called
  // once.
  std::optional<SlenderTrainResult> run(const std::string& out, const TrainObserver& observer = {},
                                        const std::atomic<bool>* stop = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace costeff
