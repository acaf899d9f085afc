#include "train/optimiser.h"

#include <algorithm>
#include <cmath>

namespace costeff::train {

bool decays(const model::Parameter& p) {
  if (p.part == model::Part::bias) return false;
  return p.role != model::Role::embedding_norm && p.role != model::Role::attention_norm &&
         p.role != model::Role::ffn_norm;
}

Optimiser::Optimiser(grad::TrainedWeights* weights, const optim::AdamW& adam,
                     std::vector<Rate> rates)
    : w_(*weights), adam_(adam), rates_(std::move(rates)), states_(rates_.size()) {
  int64_t chunks = 0;
  for (int64_t i = 0; i < w_.count(); ++i) {
    const grad::TrainedParameter& p = w_[static_cast<model::ParameterId>(i)];
    if (p.value.empty() || p.frozen) continue;
    const auto count = static_cast<int64_t>(p.value.size());
    chunks += optim::squares_chunks(count);
    if (rates_[static_cast<size_t>(i)].held) continue;
    State& s = states_[static_cast<size_t>(i)];
    for (FloatBuffer* moment : {&s.first, &s.second}) {
      moment->reserve(count);
      std::fill_n(moment->data(), count, 0.0f);
    }
  }
  chunks_.resize(static_cast<size_t>(chunks));
  spans_.reserve(states_.size());
}

bool Optimiser::trained(size_t id) const {
  return states_[id].first.capacity() > 0 && states_[id].steps > 0 &&
         !w_[static_cast<model::ParameterId>(id)].frozen;
}

double Optimiser::step(double factor, double clip, const Crew& crew) {
  if (crew.leads()) {
    spans_.clear();
    for (int64_t i = 0; i < w_.count(); ++i) {
      const grad::TrainedParameter& p = w_[static_cast<model::ParameterId>(i)];
      if (p.value.empty() || p.frozen || !p.reached) continue;
      spans_.push_back({p.gradient.data(), p.value.size()});
    }
  }
  crew.meet();
  const double norm = std::sqrt(optim::sum_of_squares(w_.grad(), spans_, crew, chunks_.data()));
  crew.meet();
  if (!std::isfinite(norm)) return norm;
  if (crew.leads()) {
    for (int64_t i = 0; i < w_.count(); ++i) {
      State& s = states_[static_cast<size_t>(i)];
      if (w_[static_cast<model::ParameterId>(i)].reached || s.steps > 0) ++s.steps;
    }
  }
  crew.meet();
  const double scale = clip > 0 ? optim::clip_factor(norm, clip) : 1;
  for (size_t i = 0; i < states_.size(); ++i) {
    if (!trained(i)) continue;
    grad::TrainedParameter& p = w_[static_cast<model::ParameterId>(i)];
    State& s = states_[i];
    const Rate& rate = rates_[i];
    const Range mine = crew.part(static_cast<int64_t>(p.value.size()), kernels::kLane);
    w_.grad().adam(optim::adam_step(adam_, s.steps, rate.learning_rate * factor, rate.decay, scale),
                   p.gradient.data() + mine.begin, mine.count(), p.value.data() + mine.begin,
                   s.first.data() + mine.begin, s.second.data() + mine.begin);
  }
  crew.meet();
  w_.pack(crew);
  return norm;
}

}  // namespace costeff::train
