#pragma once

// A run of slenderising with training, stage after stage. Each leaves a model directory in OUT.stages, so
// a run goes on with the first stage that has not; one that trains keeps a state of its own beside that.

#include <costeff/slender_train.h>

#include <atomic>
#include <optional>
#include <string>

#include "prune/session/slender_job.h"
#include "train/session/work_directory.h"

namespace costeff::prune {

class SlenderRun {
 public:
  // See SlenderTrainer::run.
  SlenderRun(SlenderJob* job, const std::string& out, const TrainObserver& observer,
             const std::atomic<bool>* stop);
  std::optional<SlenderTrainResult> run();

 private:
  // stages.json: what the stages' directories do not say. A stage whose directory is there is over.
  struct State {
    // After each pruning: the units of each layer that are left, by the numbers they had at first.
    std::vector<std::vector<std::vector<int64_t>>> heads, neurons;
    std::vector<double> metric_before;
    double seconds = 0;  // of prunings
  };
  bool run_stage(size_t index);
  bool train_stage(size_t index, const std::string& dir);
  bool prune_stage(size_t index, const std::string& dir);
  void report(size_t index, const TrainStep& step) const;
  void load();
  void save();
  SlenderTrainResult finish();
  std::string record(const SlenderTrainResult& result) const;
  SlenderJob& job_;
  const std::string out_;
  const TrainObserver& observer_;
  const std::atomic<bool>* stop_;
  train::WorkDirectory work_;
  State state_;
};

}  // namespace costeff::prune
