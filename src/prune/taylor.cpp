#include "prune/taylor.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace costeff::prune {
namespace {

// [columns / size]: sums over blocks of `size` columns. values: [rows, columns].
std::vector<double> column_sums(const std::vector<double>& values, int64_t columns, int64_t size) {
  std::vector<double> sums(static_cast<size_t>(columns / size));
  for (size_t i = 0; i < values.size(); ++i)
    sums[(i % static_cast<size_t>(columns)) / static_cast<size_t>(size)] += values[i];
  return sums;
}

std::vector<uint8_t> best(const std::vector<double>& scores, int64_t number) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  std::vector<uint8_t> kept(scores.size());
  order.resize(std::min(order.size(), static_cast<size_t>(number)));
  for (const size_t i : order) kept[i] = 1;
  return kept;
}

}  // namespace

bool has_no_importance(const model::Parameter& p) {
  const bool read = p.role == model::Role::attention_out || p.role == model::Role::ffn_in ||
                    p.role == model::Role::ffn_out;
  return !read || p.part != model::Part::weight;
}

Importance::Importance(const grad::TrainedWeights& weights) : w_(weights) {
  const model::Parameters& parameters = w_.model().parameters;
  sums_.resize(parameters.list.size());
  for (const model::ParameterId id : model::parameters_in_use(w_.arch()))
    if (!has_no_importance(parameters[id]))
      sums_[static_cast<size_t>(id)].assign(w_[id].value.size(), 0.0f);
}

void Importance::add(const Crew& crew) {
  for (size_t id = 0; id < sums_.size(); ++id) {
    const grad::TrainedParameter& p = w_[static_cast<model::ParameterId>(id)];
    if (sums_[id].empty() || !p.reached) continue;
    const Range mine = crew.part(static_cast<int64_t>(sums_[id].size()), 16);
    for (int64_t i = mine.begin; i < mine.end; ++i)
      sums_[id][static_cast<size_t>(i)] += std::fabs(p.gradient.data()[i]);
  }
  crew.meet();
}

std::vector<double> Importance::of(model::ParameterId id) const {
  const std::vector<float>& sums = sums_[static_cast<size_t>(id)];
  const auto value = w_[id].value;
  std::vector<double> out(sums.size());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = std::fabs(static_cast<double>(value[i])) * static_cast<double>(sums[i]);
  return out;
}

Scores Importance::scores() const {
  Scores scores;
  for (const model::Layer& layer : w_.arch().layers) {
    scores.heads.emplace_back();
    scores.neurons.emplace_back();
    if (const auto& a = layer.attention)
      scores.heads.back() = column_sums(of(a->output.weight), a->output.in, w_.arch().head_size);
    if (const auto& f = layer.ffn) {
      std::vector<double>& neurons = scores.neurons.back();
      neurons = column_sums(of(f->out.weight), f->out.in, 1);
      const std::vector<double> rows = of(f->in.weight);
      for (size_t i = 0; i < rows.size(); ++i)
        neurons[i / static_cast<size_t>(f->in.in)] += rows[i];
    }
  }
  return scores;
}

Kept best_units(const Scores& scores, int64_t heads, int64_t neurons) {
  Kept kept;
  for (size_t l = 0; l < scores.heads.size(); ++l) {
    kept.heads.push_back(best(scores.heads[l], heads));
    kept.neurons.push_back(best(scores.neurons[l], neurons));
  }
  return kept;
}

}  // namespace costeff::prune
