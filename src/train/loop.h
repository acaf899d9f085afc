#pragma once

// The steps of one stage of training: rows in a new order every epoch, micro-batches, threads.

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/threads/crew.h"
#include "grad/network.h"
#include "train/kept_states.h"
#include "train/layer_distil.h"
#include "train/objective.h"
#include "train/optimiser.h"

namespace costeff::train {

// A labelled row as the model reads it.
struct Row {
  std::vector<int32_t> ids, types;  // types empty: zeros
  int32_t label = 0;                // single-label
  float score = 0;                  // regression
  std::vector<int32_t> labels;      // multi-label
};

// Appends a row of Gold::sets.
void append_set(std::span<const int32_t> labels, int64_t num_labels, std::vector<float>* sets);

// Rows in the order given, for a pass without dropout.
grad::Batch batch_of(std::span<const Row> rows, const model::Architecture& arch);
// The first rows, at least one, until they have `tokens` tokens.
std::span<const Row> first_rows(std::span<const Row> rows, int64_t tokens);

struct LoopOptions {
  Aim aim = Aim::last;
  double hidden_share = 0;        // of the steps: the first ones, which have Aim::hidden instead
  double epochs = 3;              // may be a fraction
  int64_t batch = 32;             // rows of a step; an epoch's last one may be shorter
  bool skip_short = false;        // that one is left out (COST-EFF), unless it is the only one
  bool with_replacement = false;  // an epoch's rows are drawn one by one, some twice and some never
  // The most that is computed at once; a single row may have more tokens. rows 0: any number.
  int64_t micro_rows = 0, micro_tokens = 4096;
  double warmup_share = 0.1;   // of all steps; the learning rate rises to 1, then falls to 0
  bool constant_rate = false;  // it stays there instead
  double clip = 1;             // the largest norm of a step's gradient; 0: any
  float hidden_dropout = 0.1f, attention_dropout = 0.1f;
  uint64_t seed = 42;
  int64_t first_exit = 1;
  double temperature = 1;
  std::vector<double> class_weights = {};  // [C]; empty: all 1
  std::vector<double> pos_weights = {};    // [C] multi-label; empty: all 1
  double label_smoothing = 0;
  int64_t hidden_tokens = 0;  // Objective::hidden_tokens
};

// Steps of an epoch of so many rows, and of the whole loop: at least one.
int64_t steps_of_epoch(int64_t rows, const LoopOptions& options);
int64_t steps_of_loop(int64_t rows, const LoopOptions& options);

// The order of an epoch's rows: Fisher and Yates's.
void shuffle_rows(uint64_t seed, int64_t epoch, std::vector<int32_t>* order);
// The rows of an epoch as the options want them.
void order_rows(const LoopOptions& options, int64_t epoch, std::vector<int32_t>* order);
// The largest batches that a loop over these rows computes at once, over all epochs: each number is the
// largest of any. kept: of states that were computed before, which have no tokens.
grad::BatchShape largest_batch(std::span<const Row> rows, const LoopOptions& options, bool kept);

struct StepReport {
  int64_t step = 0, epoch = 0;  // from 0
  double loss = 0, norm = 0;
  double factor = 0;  // of the learning rates
  int64_t rows = 0, tokens = 0;
};

// Where a loop stands: all that its next step depends on besides the weights and the moments. It
// follows from `step`.
struct LoopPosition {
  int64_t step = 0;  // of the whole loop
  int64_t epoch = 0;
  int64_t row = 0;       // of the epoch's order
  int64_t in_epoch = 0;  // steps of this epoch
};

// Somebody who learns beside the weights and changes what they are multiplied by (CoFi's masks).
struct StepGuide {
  // After the gradients of a step, from 0, and before the weights move and are packed. All threads call
  // it; they have met when it returns.
  void (*update)(void* self, int64_t step, const Crew& crew) = nullptr;
  double (*loss)(const void* self) = nullptr;  // what it added to the step's loss
  void* self = nullptr;
  explicit operator bool() const { return update; }
};

class Loop {
 public:
  // teacher: answers at each of the student's layers that has an exit, or has a single exit; of the
  // student's shape where the aim reads hidden states. Null where the aim reads none. Throws
  // Error(model) for one that does not fit. What is pointed to, and the rows, must outlive the loop.
  // optimiser null: for gradients() alone.
  Loop(grad::TrainedWeights* weights, grad::Network* network, Optimiser* optimiser,
       std::span<const Row> rows, const LoopOptions& options, grad::Network* teacher = nullptr);

  // Trains exits on states that were computed before. `kept` must outlive the loop.
  void use(const KeptStates* kept) { kept_ = {kept, &batch_}; }
  // The term of layers, which Aim::layers has. It must outlive the loop.
  void use(LayerDistillation* distillation) { distillation_ = distillation; }
  void use(const StepGuide& guide) { guide_ = guide; }
  // Allocates what steps by `threads` threads need, so that no step allocates.
  void make_room(int64_t threads);

  int64_t steps_total() const { return steps_; }
  bool done() const { return position_.step >= steps_; }
  const LoopPosition& position() const { return position_; }
  // Goes on as another loop over the same rows and options does after `step` steps.
  void go_to(int64_t step);

  // Makes the weights and moments what the steps so far made them: before anybody else reads or writes
  // them. (Word embeddings wait until they are read.)
  template <typename Run>
  void catch_up(Run run) {
    run([&](const Crew& crew) { optimiser_->catch_up(crew); });
  }

  // One step by `threads` threads. run(work) calls work(crew) on all of them and returns when they
  // are done. Throws Error(input) that names the step and the term when the loss or its gradient is
  // not finite; the weights are then as they were.
  template <typename Run>
  StepReport step(int64_t threads, Run run) {
    add_up_gradients(threads, run);
    StepReport report;
    double norm = 0;
    if (loss_is_finite()) {
      run([&](const Crew& crew) {
        if (guide_) guide_.update(guide_.self, position_.step, crew);
        const double n = optimiser_->step(factor(), options_.clip, crew);
        if (crew.leads()) norm = n;
      });
    }
    finish_step(norm, &report);
    return report;
  }

  // The gradients of a step, which changes no weights.
  template <typename Run>
  StepReport gradients(int64_t threads, Run run) {
    add_up_gradients(threads, run);
    StepReport report;
    finish_step(0, &report);
    return report;
  }

 private:
  template <typename Run>
  void add_up_gradients(int64_t threads, Run run) {
    begin_step();
    run([&](const Crew& crew) { w_.clear_gradients(crew); });
    // Which layers match is decided by all rows of the step. One batch needs no second pass for it.
    int64_t measured = 0;
    for (; turn().objective.layers != 0 && next_micro_batch(threads); ++measured) {
      run([&](const Crew& crew) {
        compute(crew);
        distillation_->measure(batch_, network_, *teacher_, crew);
      });
    }
    if (measured > 0) distillation_->match();
    if (measured > 1) next_row_ = position_.row;
    while (measured == 1 || next_micro_batch(threads)) {
      run([&](const Crew& crew) {
        if (measured != 1) compute(crew);
        learn(crew);
      });
      losses_.end_batch();
      if (measured == 1) break;
    }
  }
  double factor() const;
  double loss() const;
  bool loss_is_finite() const { return std::isfinite(loss()); }
  void match_teacher();
  void begin_step();
  bool next_micro_batch(int64_t threads);
  void compute(const Crew& crew);  // the forward passes
  void learn(const Crew& crew);    // losses and the backward pass
  void finish_step(double norm, StepReport* report);

  grad::TrainedWeights& w_;
  grad::Network& network_;
  Optimiser* optimiser_;
  std::span<const Row> rows_;
  LoopOptions options_;
  grad::Network* teacher_;
  std::vector<size_t> teacher_exits_;  // which of its exits answers for each of the student's
  int64_t steps_ = 0, steps_of_epoch_ = 0, hidden_steps_ = 0;
  LoopPosition position_;
  std::vector<int32_t> order_;

  KeptBatch kept_;
  LayerDistillation* distillation_ = nullptr;
  StepGuide guide_;
  // Of even and odd steps of an epoch, or of the first steps and the others (LoopOptions::hidden_share):
  // what is minimised, and what of both models that needs.
  struct Turn {
    Objective objective;
    std::unique_ptr<bool[]> exits, teacher_exits;
    grad::ForwardOptions student, teacher;
  } turns_[2];
  const Turn& turn() const {
    return turns_[hidden_steps_ > 0 ? position_.step >= hidden_steps_ : position_.in_epoch % 2];
  }
  void plan_turn(int64_t step);
  LoopPosition position_at(int64_t step) const;

  // Of the step in hand.
  grad::Batch batch_;
  grad::Dropout dropout_;
  std::vector<int32_t> labels_;
  std::vector<float> scores_, sets_;
  StepLosses losses_;
  TeacherAnswer answer_;
  grad::HiddenGradient hidden_;
  int64_t step_rows_ = 0, step_end_ = 0, next_row_ = 0, step_tokens_ = 0;
};

}  // namespace costeff::train
