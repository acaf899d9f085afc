#include "grad/weights.h"

#include <algorithm>

#include "base/fail.h"
#include "base/tensors/tensor.h"

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
  return l;
}

constexpr int kMaxParts = 3;

struct Blocks {
  Block block[kMaxParts];
  size_t count = 0;
  std::span<const Block> all() const { return {block, count}; }
};
Blocks blocks_of(const TrainedWeights& w, const TrainedLinear& l) {
  Blocks blocks;
  for (const TrainedLinear::Part& part : l.parts)
    blocks.block[blocks.count++] = {w[part.weight].used(), part.out};
  return blocks;
}

void clear_rows(TrainedParameter* p, const Crew& crew) {
  const Range mine = crew.part(static_cast<int64_t>(p->touched.size()));
  for (int64_t r = mine.begin; r < mine.end; ++r) {
    uint8_t& touched = p->touched[static_cast<size_t>(r)];
    if (touched) std::fill_n(p->gradient.data() + r * p->row, p->row, 0.0f);
    touched = 0;
  }
}

}  // namespace

TrainedWeights::TrainedWeights(model::Model* model, const KernelTable& kernels, Precision precision,
                               std::span<const model::Linear> more, Frozen frozen)
    : model_(*model),
      kernels_(kernels),
      grad_(kernels::grad_table(kernels)),
      precision_(precision),
      all_(model->parameters.list.size()),
      linears_(model->parameters.list.size()) {
  if (precision == Precision::int8) throw_usage("training in int8, expected float32 or bfloat16");
  const model::Architecture& arch = model_.arch;
  for (const model::ParameterId id : model::parameters_in_use(arch)) add_parameter(id, frozen);
  for (const model::Linear& l : more) {
    add_parameter(l.weight, frozen);
    if (l.bias != model::kNone) add_parameter(l.bias, frozen);
  }
  if (model::shares_layers(arch)) add_uses();
  // Gradients go through a map if something below it, or beside it, is trained.
  const int64_t lowest = lowest_trained();
  const auto add = [&](const model::Linear& l, Precision in, bool backward) {
    if (l.has_weight()) add_linear({&l, 1}, in, backward);
  };
  if (arch.embeddings.word_up) add(*arch.embeddings.word_up, Precision::float32, lowest == 0);
  if (arch.embeddings.map) add(*arch.embeddings.map, Precision::float32, lowest == 0);
  // From the last, as shared weights need what their last layer needs.
  for (size_t i = arch.layers.size(); i-- > 0;) {
    const model::Layer& layer = arch.layers[i];
    const bool backward = lowest <= static_cast<int64_t>(i) + 1;
    if (const auto& a = layer.attention) {
      if (a->heads > 0) add_linear(std::vector{a->query, a->key, a->value}, precision, backward);
      add(a->output, precision, backward);
    }
    if (const auto& ffn = layer.ffn) {
      add(ffn->in, precision, backward);
      add(ffn->out, precision, backward);
    }
  }
  const bool any = any_trained();
  for (const model::Head& head : arch.heads) {
    if (head.pooler) add(*head.pooler, Precision::float32, any);
    add(head.classifier, Precision::float32, any);
    if (head.lte) add(*head.lte, Precision::float32, any);
  }
  for (const model::Linear& l : more) add(l, Precision::float32, any);
  pack(Crew{}, true);
}

void TrainedWeights::add_parameter(model::ParameterId id, Frozen frozen) {
  TrainedParameter& p = (*this)[id];
  if (!p.value.empty()) return;
  p.value = own_floats(&model_.parameters, id);
  const auto count = static_cast<int64_t>(p.value.size());
  check_finite(model_.parameters.tensor(id), p.value.data(), count, 0);
  p.frozen = frozen && frozen(model_.parameters[id]);
  if (p.frozen) return;
  float* gradient = p.gradient.reserve(count);
  std::fill(gradient, gradient + count, 0.0f);
  if (model_.parameters[id].role != model::Role::word) return;
  p.row = model_.parameters.tensor(id).shape[1];
  p.touched.assign(static_cast<size_t>(count / p.row), 0);
}

void TrainedWeights::add_uses() {
  const std::vector<int64_t> first = model::shared_layers(arch());
  std::vector<int64_t> count(first.size());
  for (const int64_t i : first) use_of_layer_.push_back(count[static_cast<size_t>(i)]++);
  for (size_t i = 0; i < first.size(); ++i) {
    if (count[i] < 2) continue;
    for (const model::ParameterId id : model::parameters_of(arch().layers[i])) {
      TrainedParameter& p = (*this)[id];
      if (p.frozen) continue;
      p.uses.resize(static_cast<size_t>(count[i]));
      for (FloatBuffer& use : p.uses) {
        float* sums = use.reserve(static_cast<int64_t>(p.value.size()));
        std::fill_n(sums, p.value.size(), 0.0f);
      }
    }
  }
}

void TrainedWeights::begin_layer(int64_t layer, const Crew& crew) {
  if (use_of_layer_.empty()) return;
  if (crew.leads()) use_ = use_of_layer_[static_cast<size_t>(layer)];
  crew.meet();
}

void TrainedWeights::add_up_layers(const Crew& crew) {
  if (use_of_layer_.empty()) return;
  if (crew.leads()) use_ = -1;
  for (TrainedParameter& p : all_) {
    if (p.uses.empty()) continue;
    const Range mine = crew.part(static_cast<int64_t>(p.value.size()), kernels::kLane);
    if (mine.count() <= 0) continue;
    float* const sum = p.gradient.data() + mine.begin;
    std::copy_n(p.uses[0].data() + mine.begin, mine.count(), sum);
    for (size_t i = 1; i < p.uses.size(); ++i)
      grad_.add_scaled(p.uses[i].data() + mine.begin, 1.0f, mine.count(), sum);
  }
  crew.meet();
}

void TrainedWeights::add_linear(std::span<const model::Linear> parts, Precision precision,
                                bool backward) {
  TrainedLinear& t = linears_[static_cast<size_t>(parts[0].weight)];
  if (t) return;
  int64_t out = 0;
  const int64_t in = parts[0].in;
  for (const model::Linear& l : parts) {
    t.parts.push_back({l.weight, l.bias, out, l.out});
    out += l.out;
  }
  t.forward = empty_map(out, in, precision);
  float* bias = t.forward.bias.reserve(round_up(out));
  std::fill(bias, bias + round_up(out), 0.0f);
  const kernels::Product& p = kernels_.product(precision);
  const int64_t bytes = (round_up(out) * p.column_bytes(in) + 63) / 64 * 64;
  t.bytes.reserve(bytes + (backward ? round_up(in) * p.column_bytes(out) : 0));
  t.forward.weight = t.bytes.data();
  if (!backward) return;
  t.backward = empty_map(in, out, precision);
  float* none = t.backward.bias.reserve(round_up(in));
  std::fill(none, none + round_up(in), 0.0f);
  t.backward.weight = t.bytes.data() + bytes;
}

int64_t TrainedWeights::lowest_trained() const {
  if (!hidden_units().empty()) return 0;  // the embeddings' masks
  auto lowest = static_cast<int64_t>(arch().layers.size()) + 1;
  for (size_t i = 0; i < all_.size(); ++i) {
    const model::Parameter& about = model_.parameters[static_cast<model::ParameterId>(i)];
    if (!all_[i].value.empty() && !all_[i].frozen && model::is_backbone(about))
      lowest = std::min(lowest, about.layer);
  }
  return lowest;
}

bool TrainedWeights::any_trained() const {
  return std::any_of(all_.begin(), all_.end(),
                     [](const TrainedParameter& p) { return !p.value.empty() && !p.frozen; });
}

int64_t TrainedWeights::bytes() const {
  int64_t floats = 0, bytes = 0;
  for (const TrainedParameter& p : all_)
    floats += static_cast<int64_t>(p.value.size()) + p.gradient.capacity();
  for (const TrainedParameter& p : all_)
    for (const FloatBuffer& use : p.uses) floats += use.capacity();
  for (const TrainedLinear& l : linears_)
    bytes += l.bytes.capacity() + 4 * (l.forward.bias.capacity() + l.backward.bias.capacity());
  return floats * 4 + bytes;
}

bool TrainedWeights::is_frozen(const TrainedLinear& l) const {
  return std::all_of(l.parts.begin(), l.parts.end(),
                     [&](const TrainedLinear::Part& part) { return (*this)[part.weight].frozen; });
}

void TrainedWeights::freeze(model::ParameterId id) {
  TrainedParameter& p = (*this)[id];
  if (p.frozen) return;
  for (TrainedLinear& l : linears_) {
    for (const TrainedLinear::Part& part : l.parts) {
      if (part.weight == id) pack_linear(&l, Crew{});
    }
  }
  p.frozen = true;
  p.reached = false;
  p.gradient = FloatBuffer();
  p.uses.clear();
  p.touched.clear();
}

void TrainedWeights::clear_gradients(const Crew& crew) {
  if (crew.leads() && !hidden_units().empty()) {
    for (FloatBuffer* sums : {&masking_->norm_weight, &masking_->norm_bias, &masking_->sum})
      std::fill_n(sums->data(), arch().hidden_size, 0.0f);
  }
  for (TrainedParameter& p : all_) {
    if (p.frozen || p.value.empty()) continue;
    if (!p.touched.empty()) {
      clear_rows(&p, crew);
      continue;
    }
    const Range mine = crew.part(static_cast<int64_t>(p.value.size()), kernels::kLane);
    std::fill(p.gradient.data() + mine.begin, p.gradient.data() + mine.end, 0.0f);
    for (FloatBuffer& use : p.uses) std::fill(use.data() + mine.begin, use.data() + mine.end, 0.0f);
  }
  crew.meet();
  if (crew.leads()) {
    for (TrainedParameter& p : all_) p.reached = false;
  }
  crew.meet();
}

void TrainedWeights::pack(const Crew& crew, bool frozen_too) {
  if (crew.leads() && scratch_.size() < static_cast<size_t>(crew.size)) {
    scratch_.resize(static_cast<size_t>(crew.size));
    for (const TrainedLinear& l : linears_) {
      for (PackScratch& s : scratch_)
        if (l) reserve_packing(kernels_, l.out(), l.in(), &s);
    }
  }
  if (masking_) apply_masks(crew);
  crew.meet();
  for (TrainedLinear& l : linears_) {
    if (l && (frozen_too || !is_frozen(l))) pack_linear(&l, crew);
  }
  if (crew.leads()) {
    for (TrainedLinear& l : linears_) pack_bias(&l);
  }
  crew.meet();
}

void TrainedWeights::pack_bias(TrainedLinear* l) {
  for (const TrainedLinear::Part& part : l->parts) {
    if (part.bias == model::kNone) continue;
    std::copy_n((*this)[part.bias].used(), part.out, l->forward.bias.data() + part.begin);
  }
}

void TrainedWeights::pack_linear(TrainedLinear* l, const Crew& crew) {
  const kernels::Product& p = kernels_.product(l->forward.precision);
  const Blocks blocks = blocks_of(*this, *l);
  PackScratch* scratch = &scratch_[static_cast<size_t>(crew.rank)];
  pack_blocks(kernels_, p, blocks.all(), l->in(), crew.part(l->out(), kernels_.panel),
              l->bytes.data(), scratch);
  if (!l->backward) return;
  pack_block_columns(kernels_, p, grad_, blocks.all(), l->in(), crew.part(l->in(), kernels_.panel),
                     l->bytes.data() + (l->backward.weight - l->forward.weight), scratch);
}

}  // namespace costeff::grad
