#pragma once

// All that a run of slenderising with training begins from: options, rows, stages, the plan.

#include <costeff/slender_train.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json/json.h"
#include "prune/cofi/cofi_pruning.h"
#include "prune/session/latency.h"
#include "prune/session/prune_stage.h"
#include "prune/session/size.h"
#include "prune/session/stage_list.h"
#include "train/session/prepared.h"

namespace costeff::prune {

struct SlenderJob {
  // Throws Error.
  SlenderJob(std::string model, std::vector<TrainRow> train_rows, std::vector<TrainRow> dev_rows,
             SlenderTrainOptions slender_options);

  double estimate_seconds() const;
  // How a stage trains or prunes. stages_dir: where the models of the others are.
  TrainOptions training_of(size_t stage, const std::string& stages_dir) const;
  PruneStage pruning_of(size_t stage, const std::string& stages_dir) const;
  CofiOptions masks_of(size_t stage, const std::string& stages_dir) const;
  // The directory that a stage begins with.
  std::string begin_of(size_t stage, const std::string& stages_dir) const;
  SlenderShape shape_of_result(const std::string& dir) const;

  const std::string path;
  const std::vector<TrainRow> rows, dev;
  const SlenderTrainOptions options;
  // As the first stage begins: settings, rows as tokens, exits.
  std::unique_ptr<train::Prepared> first;
  SlenderTrainPlan plan;
  std::vector<SlenderStage> stages;
  nlohmann::ordered_json identity;  // what its bits depend on

 private:
  void prepare_costeff(const checkpoint::Backbone& given);
  void prepare_cofi(const checkpoint::Backbone& given);
  std::optional<MeasuredTime> measured_time() const;
  double mask_rate() const;
  void plan_stages();
  int64_t steps_of(const SlenderStage& stage) const;
  uint64_t seed_of(size_t stage) const;
  std::string assistant(const std::string& stages_dir) const;

  TextLength length_;
  bool has_ramps_ = false;      // the model is the assistant
  std::vector<int64_t> exits_;  // off-ramps of the assistant
  std::string dialect_;         // of slender models: "cost-eff" or "costeff"
};

}  // namespace costeff::prune
