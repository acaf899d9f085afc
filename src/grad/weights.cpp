#include "grad/weights.h"

#include <algorithm>

#include "base/tensors/tensor.h"
#include "grad/pack.h"

namespace costeff::grad {
namespace {

using kernels::KernelTable;
using kernels::Precision;
using kernels::round_up;

model::PackedLinear empty_map(int64_t out, int64_t in, Precision precision) {
  model::PackedLinear l;
  l.out = out;
  l.in = in;
  l.precision = precision;
  float* bias = l.bias.reserve(round_up(out));
  std::fill(bias, bias + round_up(out), 0.0f);
  return l;
}

}  // namespace

TrainedWeights::TrainedWeights(model::Model* model, const KernelTable& kernels, Precision precision,
                               std::span<const model::Linear> more)
    : model_(*model),
      kernels_(kernels),
      grad_(kernels::grad_table(kernels)),
      precision_(precision),
      all_(model->parameters.list.size()),
      linears_(model->parameters.list.size()) {
  const model::Architecture& arch = model_.arch;
  for (const model::ParameterId id : model::parameters_in_use(arch)) add_parameter(id);
  if (arch.embeddings.word_up) add_linear(*arch.embeddings.word_up, Precision::float32);
  for (const model::Layer& layer : arch.layers) {
    if (const auto& a = layer.attention) {
      for (const model::Linear* l : {&a->query, &a->key, &a->value, &a->output})
        add_linear(*l, precision);
    }
    if (const auto& ffn = layer.ffn) {
      for (const model::Linear* l : {&ffn->in, &ffn->out}) add_linear(*l, precision);
    }
  }
  for (const model::Head& head : arch.heads) {
    if (head.pooler) add_linear(*head.pooler, Precision::float32);
    add_linear(head.classifier, Precision::float32);
    if (head.lte) add_linear(*head.lte, Precision::float32);
  }
  for (const model::Linear& l : more) {
    add_parameter(l.weight);
    if (l.bias != model::kNone) add_parameter(l.bias);
    add_linear(l, Precision::float32);
  }
  pack(Crew{}, true);
}

void TrainedWeights::add_parameter(model::ParameterId id) {
  TrainedParameter& p = (*this)[id];
  if (!p.value.empty()) return;
  p.value = own_floats(&model_.parameters, id);
  const auto count = static_cast<int64_t>(p.value.size());
  check_finite(model_.parameters.tensor(id), p.value.data(), count, 0);
  float* gradient = p.gradient.reserve(count);
  std::fill(gradient, gradient + count, 0.0f);
}

void TrainedWeights::add_linear(const model::Linear& l, Precision precision) {
  TrainedLinear& t = linears_[static_cast<size_t>(l.weight)];
  if (t) return;
  t.weight = l.weight;
  t.bias = l.bias;
  t.forward = empty_map(l.out, l.in, precision);
  t.backward = empty_map(l.in, l.out, precision);
  const kernels::Product& p = kernels_.product(precision);
  const int64_t bytes = (round_up(l.out) * p.column_bytes(l.in) + 63) / 64 * 64;
  t.forward.weight = t.bytes.reserve(bytes + round_up(l.in) * p.column_bytes(l.out));
  t.backward.weight = t.bytes.data() + bytes;
}

void TrainedWeights::freeze(model::ParameterId id) {
  TrainedParameter& p = (*this)[id];
  p.frozen = true;
  p.reached = false;
  p.gradient = FloatBuffer();
}

void TrainedWeights::clear_gradients(const Crew& crew) {
  for (TrainedParameter& p : all_) {
    if (p.frozen || p.value.empty()) continue;
    const Range mine = crew.part(static_cast<int64_t>(p.value.size()), kernels::kLane);
    std::fill(p.gradient.data() + mine.begin, p.gradient.data() + mine.end, 0.0f);
  }
  crew.meet();
  if (crew.leads()) {
    for (TrainedParameter& p : all_) p.reached = false;
  }
  crew.meet();
}

void TrainedWeights::pack(const Crew& crew, bool frozen_too) {
  if (crew.leads() && scratch_.size() < static_cast<size_t>(crew.size))
    scratch_.resize(static_cast<size_t>(crew.size));
  crew.meet();
  for (TrainedLinear& l : linears_) {
    if (l && (frozen_too || !(*this)[l.weight].frozen)) pack_linear(&l, crew);
  }
  crew.meet();
  if (crew.leads()) {
    for (TrainedLinear& l : linears_) {
      if (!l || l.bias == model::kNone) continue;
      const auto& bias = (*this)[l.bias].value;
      std::copy(bias.begin(), bias.end(), l.forward.bias.data());
    }
  }
  crew.meet();
}

void TrainedWeights::pack_linear(TrainedLinear* l, const Crew& crew) {
  const kernels::Product& p = kernels_.product(l->forward.precision);
  const float* w = (*this)[l->weight].value.data();
  const int64_t in_bytes = p.column_bytes(l->in());
  const Range out = crew.part(l->out(), kernels_.panel), in = crew.part(l->in(), kernels_.panel);
  if (out.count() > 0) {
    p.pack(w + out.begin * l->in(), l->in(), out.count(), l->in(),
           l->bytes.data() + out.begin * in_bytes);
  }
  pack_columns(p, grad_, w, l->in(), l->out(), in,
               l->bytes.data() + (l->backward.weight - l->forward.weight),
               &scratch_[static_cast<size_t>(crew.rank)]);
}

}  // namespace costeff::grad
