#include "model/weights.h"

#include <costeff/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::packed_size;
using kernels::round_up;

// Where `count` elements at `index` of t lie, as "[3, 17]".
std::string element_text(const Tensor& t, int64_t index) {
  std::vector<int64_t> at(t.shape.size());
  for (size_t d = at.size(); d-- > 0;) {
    at[d] = index % t.shape[d];
    index /= t.shape[d];
  }
  return shape_text(at);
}

void read_vector(const Tensor& t, float* out) {
  to_float32(t, out);
  check_finite(t, out, t.numel());
}

NormWeights read_norm(const LayerNorm& n) {
  NormWeights w;
  read_vector(n.weight, w.weight.reserve(n.weight.numel()));
  read_vector(n.bias, w.bias.reserve(n.bias.numel()));
  return w;
}

void pack_weight(const KernelTable& kernels, const Tensor& t, FloatBuffer* scratch, float* packed) {
  float* values = scratch->reserve(t.numel());
  read_vector(t, values);
  kernels.pack(values, t.shape[1], t.shape[0], t.shape[1], packed);
}

void read_bias(const Linear& l, float* bias) {
  std::fill_n(bias, round_up(l.out()), 0.0f);
  if (l.bias) read_vector(*l.bias, bias);
}

PackedLinear read_linear(const KernelTable& kernels, const Linear& l, FloatBuffer* scratch) {
  PackedLinear p;
  p.out = l.out();
  p.in = l.in();
  pack_weight(kernels, l.weight, scratch, p.weight.reserve(packed_size(p.out, p.in)));
  read_bias(l, p.bias.reserve(round_up(p.out)));
  return p;
}

// Several maps of the same input under each other, each filled up with 0 to `stride` outputs.
PackedLinear read_stacked(const KernelTable& kernels, std::initializer_list<const Linear*> maps,
                          int64_t stride, FloatBuffer* scratch) {
  PackedLinear p;
  p.out = stride * static_cast<int64_t>(maps.size());
  p.in = (*maps.begin())->in();
  float* rows = scratch->reserve(p.out * p.in);
  float* bias = p.bias.reserve(p.out);
  std::fill_n(rows, p.out * p.in, 0.0f);
  std::fill_n(bias, p.out, 0.0f);
  for (const Linear* l : maps) {
    read_vector(l->weight, rows);
    if (l->bias) read_vector(*l->bias, bias);
    rows += stride * p.in;
    bias += stride;
  }
  kernels.pack(scratch->data(), p.in, p.out, p.in, p.weight.reserve(packed_size(p.out, p.in)));
  return p;
}

LayerWeights read_layer(const KernelTable& kernels, const Layer& layer) {
  LayerWeights w;
  FloatBuffer scratch;
  if (layer.attention) {
    const Attention& a = *layer.attention;
    w.heads = a.heads;
    w.attention_size = a.query.out();
    w.stride = round_up(w.attention_size);
    w.query = read_stacked(kernels, {&a.query}, w.stride, &scratch);
    w.key_value = read_stacked(kernels, {&a.key, &a.value}, w.stride, &scratch);
    w.attention_out = read_linear(kernels, a.output, &scratch);
    w.attention_norm = read_norm(a.norm);
  }
  if (layer.ffn) {
    w.ffn_in = read_linear(kernels, layer.ffn->in, &scratch);
    w.ffn_out = read_linear(kernels, layer.ffn->out, &scratch);
    w.ffn_norm = read_norm(layer.ffn->norm);
  }
  return w;
}

}  // namespace

void check_finite(const Tensor& t, const float* values, int64_t count, int64_t begin) {
  // One pass without branches: x - x is 0 for finite x and NaN else.
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += values[i] - values[i];
  if (sum == 0) return;
  const float* bad =
      std::find_if_not(values, values + count, [](float v) { return std::isfinite(v); });
  throw_model(tensor_place(t) + "element " + element_text(t, begin + (bad - values)) + " is " +
              (std::isnan(*bad) ? "NaN" : "infinite") + ", expected finite numbers");
}

WeightStore::WeightStore(const Model& model, const KernelTable& kernels)
    : model_(model), kernels_(kernels), layers_(model.layers.size()), heads_(model.heads.size()) {}

const EmbeddingWeights& WeightStore::embeddings() const {
  std::call_once(embeddings_.once, [&] {
    EmbeddingWeights w;
    FloatBuffer scratch;
    w.norm = read_norm(model_.embeddings.norm);
    if (model_.embeddings.word_up)
      w.word_up = read_linear(kernels_, *model_.embeddings.word_up, &scratch);
    embeddings_.value = std::move(w);
  });
  return embeddings_.value;
}

const LayerWeights& WeightStore::layer(int64_t i) const {
  auto& slot = layers_[static_cast<size_t>(i)];
  std::call_once(slot.once,
                 [&] { slot.value = read_layer(kernels_, model_.layers[static_cast<size_t>(i)]); });
  return slot.value;
}

const HeadWeights& WeightStore::head(int64_t i) const {
  auto& slot = heads_[static_cast<size_t>(i)];
  std::call_once(slot.once, [&] {
    const Head& head = model_.heads[static_cast<size_t>(i)];
    HeadWeights w;
    FloatBuffer scratch;
    if (head.pooler) w.pooler = read_linear(kernels_, *head.pooler, &scratch);
    w.classifier = read_linear(kernels_, head.classifier, &scratch);
    if (head.lte) w.lte = read_linear(kernels_, *head.lte, &scratch);
    slot.value = std::move(w);
  });
  return slot.value;
}

}  // namespace costeff::model
