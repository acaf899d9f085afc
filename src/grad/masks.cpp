#include "grad/masks.h"

#include <algorithm>

namespace costeff::grad {

template <typename T>
void MaskValues<T>::assign(const model::Architecture& arch, bool with_hidden, T value) {
  const size_t layers = arch.layers.size();
  heads.resize(layers);
  neurons.resize(layers);
  for (size_t i = 0; i < layers; ++i) {
    const model::Layer& layer = arch.layers[i];
    heads[i].assign(layer.attention ? static_cast<size_t>(layer.attention->heads) : 0, value);
    neurons[i].assign(layer.ffn ? static_cast<size_t>(layer.ffn->in.out) : 0, value);
  }
  attention.assign(layers, value);
  ffn.assign(layers, value);
  hidden.assign(with_hidden ? static_cast<size_t>(arch.hidden_size) : 0, value);
}

template struct MaskValues<float>;
template struct MaskValues<double>;

Masking::Masking(const model::Architecture& arch, const Masks& m) {
  set(arch, m);
  if (m.hidden.empty()) return;
  for (FloatBuffer* sums : {&norm_weight, &norm_bias, &sum}) {
    sums->reserve(arch.hidden_size);
    std::fill_n(sums->data(), arch.hidden_size, 0.0f);
  }
}

void Masking::set(const model::Architecture& arch, const Masks& m) {
  masks = m;
  layers = arch.layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (masks.attention[i] == 0) layers[i].attention.reset();
    if (masks.ffn[i] == 0) layers[i].ffn.reset();
  }
  context.resize(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    context[i].clear();
    for (const float z : masks.heads[i])
      context[i].insert(context[i].end(), static_cast<size_t>(arch.head_size), z);
  }
  units.clear();
  for (size_t j = 0; j < masks.hidden.size(); ++j)
    if (masks.hidden[j] != 0) units.push_back(static_cast<int32_t>(j));
}

void gather_units(std::span<const int32_t> units, const float* from, int64_t m, int64_t h,
                  float* to) {
  for (int64_t t = 0; t < m; ++t, from += h)
    for (const int32_t j : units) *to++ = from[j];
}

void spread_units(std::span<const int32_t> units, const float* from, int64_t m, int64_t h,
                  float* to) {
  // From the end, so that what is still to be read is not written over.
  const auto n = static_cast<int64_t>(units.size());
  for (int64_t t = m - 1; t >= 0; --t) {
    int64_t c = n - 1;
    for (int64_t j = h - 1; j >= 0; --j) {
      const bool is_there = c >= 0 && units[static_cast<size_t>(c)] == j;
      to[t * h + j] = is_there ? from[t * n + c] : 0.0f;
      c -= is_there;
    }
  }
}

}  // namespace costeff::grad
