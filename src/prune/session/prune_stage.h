#pragma once

// One pruning of COST-EFF: a pass over the rows for the importance of units, then a narrower model.

#include <costeff/train.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/threads/team.h"
#include "checkpoint/config.h"
#include "prune/schedule.h"
#include "prune/units.h"
#include "train/loop.h"

namespace costeff::prune {

struct PruneStage {
  std::string student, teacher;  // model directories
  std::string dialect;           // of the result: "cost-eff" or "costeff"
  std::span<const train::Row> rows;
  double epochs = 1;  // of the pass
  int64_t batch = 0, micro_batch = 0, max_length = 0, first_exit = 1;
  double temperature = 1;
  uint64_t seed = 0;
  Widths widths;  // of the result
  const kernels::KernelTable* kernels = nullptr;
};

train::LoopOptions importance_pass(const PruneStage& stage);

struct Pruned {
  Kept kept;  // units of the student
  model::Model model;
  checkpoint::Config config;
};
// nullopt if *stop became true.
std::optional<Pruned> prune_once(const PruneStage& stage, Team* team,
                                 const std::function<void(const train::StepReport&)>& on_step,
                                 const std::atomic<bool>* stop);

}  // namespace costeff::prune
