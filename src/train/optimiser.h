#pragma once

// AdamW over a model's parameters.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "grad/weights.h"
#include "optim/adamw.h"
#include "train/late_rows.h"

namespace costeff::train {

// How one parameter is trained.
struct Rate {
  double learning_rate = 0;  // times the schedule's factor
  double decay = 0;
  // Its gradient counts in the norm, but it stays as it is (DeeBERT's second stage, whose reference
  // leaves the backbone out of the optimiser alone).
  bool held = false;
};

// The references' groups: no decay for biases and LayerNorms' weights.
bool decays(const model::Parameter& p);

class Optimiser {
 public:
  // rates: by ParameterId. Allocates the moments of what is trained.
  Optimiser(grad::TrainedWeights* weights, const optim::AdamW& adam, std::vector<Rate> rates);

  // One step from the gradients there are, clipped to a norm of `clip` (0: not clipped), and the
  // packed forms after it. factor: the schedule's. Returns the norm before clipping; not finite:
  // nothing was changed. Every thread of the crew calls it; they have met when it returns.
  double step(double factor, double clip, const Crew& crew);

  // Word embeddings move when they are read (late_rows.h). The rows of a batch, before it is computed; all,
  // before anybody else reads or writes weights or moments. Every thread of the crew calls it; they have
  // met when it returns.
  void catch_up(std::span<const int32_t> words, const Crew& crew);
  void catch_up(const Crew& crew);

  // Parameters that some loss has reached since the beginning. One that none has reached yet is left
  // alone, its decay and count of steps included; after that it goes on with gradients of 0, as in
  // the references' torch.
  struct State {
    FloatBuffer first, second;  // moments
    int64_t steps = 0;
  };
  State& state(model::ParameterId id) { return states_[static_cast<size_t>(id)]; }

 private:
  bool trained(size_t id) const;
  grad::TrainedWeights& w_;
  optim::AdamW adam_;
  std::vector<Rate> rates_;
  std::vector<State> states_;
  std::optional<LateRows> words_;
  size_t words_id_ = 0;  // of the parameter
  std::vector<std::span<const float>> spans_;
  std::vector<double> chunks_;
};

}  // namespace costeff::train
