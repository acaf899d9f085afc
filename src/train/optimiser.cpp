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
  int64_t chunks = 0, spans = 0;
  for (int64_t i = 0; i < w_.count(); ++i) {
    grad::TrainedParameter& p = w_[static_cast<model::ParameterId>(i)];
    if (p.value.empty() || p.frozen) continue;
    const auto count = static_cast<int64_t>(p.value.size());
    const auto rows = static_cast<int64_t>(p.touched.size());
    chunks += rows > 0 ? rows * optim::squares_chunks(p.row) : optim::squares_chunks(count);
    spans += std::max<int64_t>(1, rows);
    if (rates_[static_cast<size_t>(i)].held) continue;
    State& s = states_[static_cast<size_t>(i)];
    for (FloatBuffer* moment : {&s.first, &s.second}) {
      moment->reserve(count);
      std::fill_n(moment->data(), count, 0.0f);
    }
    if (rows == 0) continue;
    words_.emplace(w_.grad(), &p, s.first.data(), s.second.data());
    words_id_ = static_cast<size_t>(i);
  }
  chunks_.resize(static_cast<size_t>(chunks));
  spans_.reserve(static_cast<size_t>(spans));
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
      if (p.touched.empty()) spans_.push_back({p.gradient.data(), p.value.size()});
      for (size_t r = 0; r < p.touched.size(); ++r) {
        const int64_t at = static_cast<int64_t>(r) * p.row;
        if (p.touched[r]) spans_.push_back({p.gradient.data() + at, static_cast<size_t>(p.row)});
      }
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
    const kernels::AdamStep step =
        optim::adam_step(adam_, s.steps, rate.learning_rate * factor, rate.decay, scale);
    if (words_ && i == words_id_) {
      words_->step(step, crew);
      continue;
    }
    const Range mine = crew.part(static_cast<int64_t>(p.value.size()), kernels::kLane);
    w_.grad().adam(step, p.gradient.data() + mine.begin, mine.count(), p.value.data() + mine.begin,
                   s.first.data() + mine.begin, s.second.data() + mine.begin);
  }
  crew.meet();
  w_.pack(crew);
  return norm;
}

void Optimiser::catch_up(std::span<const int32_t> words, const Crew& crew) {
  if (words_) words_->catch_up(words, crew);
}

void Optimiser::catch_up(const Crew& crew) {
  if (words_) words_->catch_up(crew);
}

}  // namespace costeff::train
