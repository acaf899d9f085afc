#include "prune/mask_gradients.h"

#include <algorithm>

namespace costeff::prune {
namespace {

// sums[i] = the sum of W * dW over columns [i d, (i + 1) d). W [rows, columns].
void sum_columns(const grad::TrainedParameter& p, int64_t columns, int64_t d, int64_t batch,
                 Eigen::MatrixXd* to) {
  const auto rows = static_cast<int64_t>(p.value.size()) / columns;
  Eigen::VectorXd sums = Eigen::VectorXd::Zero(columns);
  for (int64_t r = 0; r < rows; ++r) {
    const float *w = p.value.data() + r * columns, *g = p.gradient.data() + r * columns;
    for (int64_t c = 0; c < columns; ++c) sums[c] += static_cast<double>(w[c]) * g[c];
  }
  for (int64_t i = 0; i < columns / d; ++i) (*to)(i, batch) = sums.segment(i * d, d).sum();
}

}  // namespace

bool needs_no_gradient(const model::Parameter& p) {
  const bool output = p.role == model::Role::attention_out || p.role == model::Role::ffn_out;
  return !output || p.part != model::Part::weight;
}

std::vector<MaskGradients> empty_gradients(const model::Architecture& arch, int64_t batches) {
  std::vector<MaskGradients> layers;
  for (const model::Layer& layer : arch.layers) {
    layers.push_back({Eigen::MatrixXd::Zero(layer.attention ? layer.attention->heads : 0, batches),
                      Eigen::MatrixXd::Zero(layer.ffn ? layer.ffn->in.out : 0, batches)});
  }
  return layers;
}

void read_gradients(const grad::TrainedWeights& w, int64_t number, const Crew& crew,
                    std::vector<MaskGradients>* to) {
  const model::Architecture& arch = w.arch();
  for (size_t l = 0; l < arch.layers.size(); ++l) {
    if (static_cast<int64_t>(l) % crew.size != crew.rank) continue;
    const model::Layer& layer = arch.layers[l];
    if (const auto& a = layer.attention; a && a->heads > 0)
      sum_columns(w[a->output.weight], a->output.in, arch.head_size, number, &(*to)[l].heads);
    if (const auto& f = layer.ffn; f && f->in.out > 0)
      sum_columns(w[f->out.weight], f->out.in, 1, number, &(*to)[l].neurons);
  }
  crew.meet();
}

}  // namespace costeff::prune
