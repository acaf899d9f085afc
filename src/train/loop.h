#pragma once

// The steps of one stage of training: rows in a new order every epoch, micro-batches, threads.

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/threads/crew.h"
#include "grad/network.h"
#include "train/objective.h"
#include "train/optimiser.h"

namespace costeff::train {

// A labelled row as the model reads it.
struct Row {
  std::vector<int32_t> ids, types;  // types empty: zeros
  int32_t label = 0;                // of a classifier
  float score = 0;                  // of a regression
};

struct LoopOptions {
  Aim aim = Aim::last;
  int64_t epochs = 3;
  int64_t batch = 32;       // rows of a step; an epoch's last one may be shorter
  bool skip_short = false;  // that one is left out (COST-EFF)
  int64_t micro_tokens =
      4096;  // the most tokens that are computed at once; a single row may exceed it
  double warmup_share = 0.1;  // of all steps; the learning rate rises to 1, then falls to 0
  double clip = 1;            // the largest norm of a step's gradient; 0: any
  float hidden_dropout = 0.1f, attention_dropout = 0.1f;
  uint64_t seed = 42;
  int64_t first_exit = 1;
  double temperature = 1;
  int64_t pad_token = 0;
};

struct StepReport {
  int64_t step = 0, epoch = 0;  // from 0
  double loss = 0, norm = 0;
  double factor = 0;  // of the learning rates
  int64_t rows = 0, tokens = 0;
};

// Where a loop stands: all that its next step depends on besides the weights and the moments.
struct LoopPosition {
  int64_t step = 0;  // of the whole loop
  int64_t epoch = 0;
  int64_t row = 0;       // of the epoch's order
  int64_t in_epoch = 0;  // steps of this epoch
};

class Loop {
 public:
  // teacher: of the student's shape where the aim reads hidden states; null where it reads none.
  // Rows must outlive the loop.
  Loop(grad::TrainedWeights* weights, grad::Network* network, Optimiser* optimiser,
       std::span<const Row> rows, const LoopOptions& options, grad::Network* teacher = nullptr);

  int64_t steps_total() const { return steps_; }
  bool done() const { return position_.step >= steps_; }
  const LoopPosition& position() const { return position_; }
  // Continues from where another loop over the same rows and options stopped.
  void go_to(const LoopPosition& position);

  // One step by `threads` threads. run(work) calls work(crew) on all of them and returns when they
  // are done. Throws Error(internal) that names the step and the term when the loss or its gradient
  // is not finite; the weights are then as they were.
  template <typename Run>
  StepReport step(int64_t threads, Run run) {
    begin_step();
    run([&](const Crew& crew) { w_.clear_gradients(crew); });
    StepReport report;
    while (next_micro_batch(threads)) {
      run([&](const Crew& crew) { compute(crew); });
      finish_micro_batch();
    }
    double norm = 0;
    if (loss_is_finite()) {
      run([&](const Crew& crew) {
        const double n = optimiser_.step(factor(), options_.clip, crew);
        if (crew.leads()) norm = n;
      });
    }
    finish_step(norm, &report);
    return report;
  }

 private:
  double factor() const;
  const Objective& objective() const { return objectives_[position_.in_epoch % 2]; }
  bool loss_is_finite() const { return std::isfinite(loss_); }
  void shuffle();
  void begin_step();
  bool next_micro_batch(int64_t threads);
  void compute(const Crew& crew);
  void finish_micro_batch();
  void finish_step(double norm, StepReport* report);

  grad::TrainedWeights& w_;
  grad::Network& network_;
  Optimiser& optimiser_;
  std::span<const Row> rows_;
  LoopOptions options_;
  grad::Network* teacher_;
  int64_t steps_ = 0, steps_of_epoch_ = 0;
  LoopPosition position_;
  std::vector<int32_t> order_;

  Objective objectives_[2];  // of even and odd steps of an epoch

  // Of the step in hand.
  grad::Batch batch_;
  grad::Dropout dropout_;
  std::vector<int32_t> labels_;
  std::vector<float> scores_;
  StepLosses losses_;
  TeacherAnswer answer_;
  grad::HiddenGradient hidden_;
  int64_t step_rows_ = 0, step_end_ = 0, next_row_ = 0, step_tokens_ = 0;
  double loss_ = 0;
};

}  // namespace costeff::train
