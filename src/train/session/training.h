#pragma once

// A run: stage after stage, evaluations, the best model, what is saved and where it goes on.

#include <costeff/train.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/session/clock.h"
#include "train/session/prepared.h"
#include "train/session/state.h"
#include "train/session/workshop.h"

namespace costeff::train {

// What learns beside the weights of a run of one stage (CoFi's masks): its steps, and what else the run
// must know of it.
struct Guide {
  StepGuide steps;
  // Before the first step of this process, `step` of `steps`, from 0; what was saved is there again.
  std::function<void(Workshop* shop, int64_t step, int64_t steps)> begin;
  std::function<model::Model()> model;          // what is judged and saved
  std::function<std::vector<Tensor>()> beside;  // tensors that are saved with it
  std::function<bool()> may_be_best;
  std::function<std::string()> about;  // a line on how far it is, after an evaluation
  std::vector<StateSpan> state;
  nlohmann::ordered_json identity;
};

class Training {
 public:
  // See Trainer::run. guide: null or one that outlives this.
  Training(Prepared* prepared, const std::string& out, const TrainObserver& observer,
           const std::atomic<bool>* stop, const Guide* guide = nullptr);
  std::optional<TrainResult> run();

 private:
  enum class StageEnd { over, stopped };

  StageEnd run_stage(Stage* stage);
  bool is_over(const Stage& stage) const;
  bool is_early_stop(const Stage& stage) const;
  bool is_out_of_time(const Stage& stage) const;
  double seconds() const;
  void report(const Stage& stage, const StepReport& step, double seconds);
  // Throws Error(input) if a step has made some of them infinite.
  void check_weights() const;
  void evaluate(Stage* stage);
  void save(Stage* stage);
  void hand_on_best(const Stage& stage);
  // Writes the model as it is now to a directory of the store.
  void write_model(const std::string& name) const;
  TrainResult finish();
  void say(const std::string& line) const;

  Prepared& p_;
  Workshop& shop_;
  const std::string out_;
  const TrainObserver& observer_;
  const std::atomic<bool>* stop_;
  const Guide* guide_;
  StateStore store_;
  RunState state_;
  Clock::time_point begin_, saved_;
  double seconds_before_ = 0;  // of earlier parts of the run
  int64_t steps_here_ = 0;     // computed by this process
  TrainEnd end_ = TrainEnd::finished;
};

}  // namespace costeff::train
