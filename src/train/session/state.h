#pragma once

// A run on disk, in OUT.training, so that it can go on after Ctrl-C, kill -9 or a full disk:
//   state.json             how far it is, all evaluations, the names of the other two
//   state-S-N.safetensors  weights and moments after N steps of stage S
//   best-S-N/              the best model of the stage so far, as any model directory
// A new state is written beside the old one and takes its place when state.json is renamed.

#include <costeff/train.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json/json.h"
#include "grad/weights.h"
#include "train/optimiser.h"
#include "train/session/work_directory.h"

namespace costeff::train {

// As state.json and training.json hold it.
nlohmann::ordered_json evaluation_json(const TrainEvaluation& evaluation);
// Throws nlohmann::json::exception.
TrainEvaluation evaluation_of(const Json& json);

// Numbers that a state holds besides weights and moments, by name.
struct StateSpan {
  std::string name;
  std::span<float> values;
};

struct RunState {
  nlohmann::ordered_json identity;  // run_identity()
  int64_t stage = 0, step = 0;
  std::vector<TrainEvaluation> evaluations;
  int64_t best = -1;     // index of the stage's best; -1: none yet
  std::string best_dir;  // its model, a name in OUT.training; empty: none
  double loss_sum = 0;   // of the steps since the last evaluation
  int64_t loss_steps = 0;
  double seconds = 0;  // of the run, in all its parts
};

class StateStore {
 public:
  // directory: OUT.training. Nothing is touched before open().
  explicit StateStore(std::string directory) : work_(std::move(directory)) {}

  const std::string& directory() const { return work_.directory(); }
  std::string path(const std::string& name) const { return work_.path(name); }

  // See WorkDirectory::open. Returns whether there is a state.
  bool open(bool resume) {
    work_.open(resume);
    return has_state();
  }
  bool has_state() const;

  // What was saved, without the weights. Throws Error(input) for a file that is damaged, or of a run
  // with another identity: then it says what differs.
  RunState load(const nlohmann::ordered_json& identity) const;
  // The weights and moments of a state. Throws Error(input), Error(model).
  void load_weights(const RunState& state, grad::TrainedWeights* weights, Optimiser* optimiser,
                    std::span<const StateSpan> more = {}) const;

  // Throws Error(output); the state before is then still there.
  void save(const RunState& state, const grad::TrainedWeights& weights, Optimiser* optimiser,
            std::span<const StateSpan> more = {});

  // Removes the whole directory.
  void remove() { work_.remove(); }

 private:
  void remove_all_but(const std::string& tensors, const std::string& best) const;
  WorkDirectory work_;
};

}  // namespace costeff::train
