#include "model/weights.h"

#include <algorithm>

#include "model/pack.h"

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::Precision;
using kernels::round_up;

NormWeights read_norm(const TensorSet& tensors, const LayerNorm& n) {
  NormWeights w;
  read_vector(tensors, n.weight, w.weight.reserve(n.weight.numel()));
  read_vector(tensors, n.bias, w.bias.reserve(n.bias.numel()));
  return w;
}

// to [columns, rows] = from [rows, columns]
template <typename T>
void transpose(const T* from, int64_t rows, int64_t columns, T* to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
}

// The attention's inputs of a layer whose first tokens alone are read: a query with the scales of
// the keys in it, and the maps of keys and values by head.
void fold_keys(const Packer& packer, const Attention& a, LayerWeights* w, PackScratch* scratch) {
  const bool int8 = packer.precision == Precision::int8;
  const int64_t hidden = a.key.in(), d = w->attention_size / w->heads;
  PackScratch keys;
  read_rows(packer, Stack(a.key), 0, w->attention_size, &keys);
  give_back(packer, Stack(a.key));
  for (int64_t h = 0; h < w->heads; ++h) {
    PackedLinear p = packer.empty(hidden, d);
    scratch->reserve(packer.precision, hidden, d);
    const int64_t at = h * d * hidden;
    if (int8) {
      transpose(keys.quantised.data() + at, d, hidden, scratch->quantised.data());
      std::fill_n(scratch->scales.data(), hidden, 1.0f);
    } else {
      transpose(keys.values.data() + at, d, hidden, scratch->values.data());
    }
    packer.pack(*scratch, &p);
    w->key_by_head.push_back(std::move(p));
  }
  const Stack query({&a.query}, w->stride);
  w->query = read_biases(packer, query);
  read_rows(packer, query, 0, query.out(), scratch);
  give_back(packer, query);
  for (int64_t c = 0; int8 && c < w->attention_size; ++c) {
    scratch->scales.data()[c] *= keys.scales.data()[c];
    w->query.bias.data()[c] *= keys.scales.data()[c];
  }
  packer.pack(*scratch, &w->query);
}

void fold_values(const Packer& packer, const Attention& a, LayerWeights* w, PackScratch* scratch) {
  const int64_t hidden = a.value.in(), d = w->attention_size / w->heads;
  const PackedLinear biases = read_biases(packer, Stack(a.value));
  for (int64_t h = 0; h < w->heads; ++h) {
    PackedLinear p = packer.empty(d, hidden);
    read_rows(packer, Stack(a.value), h * d, d, scratch);
    std::copy_n(biases.bias.data() + h * d, d, p.bias.data());
    packer.pack(*scratch, &p);
    w->value_by_head.push_back(std::move(p));
  }
  give_back(packer, Stack(a.value));
}

// *w is there as far as it is not packed, and what packs the rest.
PackWork::Pieces plan_layer(const Packer& packer, const Layer& layer, bool folded,
                            LayerWeights* w) {
  PackWork::Pieces pieces;
  if (layer.attention) {
    const Attention& a = *layer.attention;
    w->heads = a.heads;
    w->attention_size = a.query.out();
    w->stride = round_up(w->attention_size);
    if (folded) {
      pieces.push_back([=, &a](PackScratch* s) { fold_keys(packer, a, w, s); });
      pieces.push_back([=, &a](PackScratch* s) { fold_values(packer, a, w, s); });
    } else {
      w->query = plan_stack(packer, {{&a.query}, w->stride}, &pieces);
      w->key_value = plan_stack(packer, {{&a.key, &a.value}, w->stride}, &pieces);
    }
    w->attention_out = plan_stack(packer, Stack(a.output), &pieces);
    w->attention_norm = read_norm(packer.tensors, a.norm);
  }
  if (layer.ffn) {
    w->ffn_in = plan_stack(packer, Stack(layer.ffn->in), &pieces);
    w->ffn_out = plan_stack(packer, Stack(layer.ffn->out), &pieces);
    w->ffn_norm = read_norm(packer.tensors, layer.ffn->norm);
  }
  return pieces;
}

constexpr int64_t kTypesKept = 2;

}  // namespace

const float* add_place(const Embeddings& e, int64_t i, int64_t type, float* out) {
  const int64_t n = e.position.shape[1];
  to_float32(e.position, (e.first_position() + i) * n, n, out);
  if (!e.type) return out;
  float* const other = out + n;
  to_float32(*e.type, type * n, n, other);
  for (int64_t j = 0; j < n; ++j) out[j] += other[j];
  return out;
}

WeightStore::WeightStore(const Model& model, const KernelTable& kernels, Precision precision)
    : model_(model),
      kernels_(kernels),
      precision_(precision),
      layers_(model.layers.size()),
      heads_(model.heads.size()) {}

const EmbeddingWeights& WeightStore::embeddings() const {
  embeddings_.work.run([&] {
    EmbeddingWeights& w = embeddings_.value;
    const Embeddings& e = model_.embeddings;
    PackWork::Pieces pieces;
    w.norm = read_norm(model_.tensors, e.norm);
    // The rows that may be used; whether they are finite is asked when they are.
    const int64_t all = e.position.shape[0] - e.first_position();
    const int64_t used = model_.max_length + e.position_offset - e.first_position();
    w.places_of_type = model_.max_length > 0 ? std::min(used, all) : all;
    w.types = e.type ? std::min(e.type->shape[0], kTypesKept) : 1;
    w.hidden = model_.hidden_size;
    w.places.reserve((w.types * w.places_of_type + 1) * w.hidden);  // add_place writes two rows
    pieces.push_back([&](PackScratch*) {
      for (int64_t type = 0; type < w.types; ++type) {
        for (int64_t i = 0; i < w.places_of_type; ++i)
          add_place(e, i, type, w.places.data() + (type * w.places_of_type + i) * w.hidden);
      }
    });
    if (e.word_up)
      w.word_up =
          plan_stack({kernels_, precision_, model_.tensors, arena_}, Stack(*e.word_up), &pieces);
    return pieces;
  });
  return embeddings_.value;
}

const LayerWeights& WeightStore::layer(int64_t i) const {
  const auto at = static_cast<size_t>(i);
  auto& slot = layers_[at];
  slot.work.run([&] {
    return plan_layer({kernels_, precision_, model_.tensors, arena_}, model_.layers[at],
                      at + 1 == model_.layers.size() && reads_first_only(model_), &slot.value);
  });
  return slot.value;
}

void WeightStore::help_with_layer(int64_t i) const noexcept {
  try {
    layer(i);
  } catch (...) {  // layer(i) throws it again
  }
}

const HeadWeights& WeightStore::head(int64_t i) const {
  auto& slot = heads_[static_cast<size_t>(i)];
  slot.work.run([&] {
    const Head& head = model_.heads[static_cast<size_t>(i)];
    HeadWeights& w = slot.value;
    PackWork::Pieces pieces;
    const auto plan = [&](Precision p, const Linear& l) {
      return plan_stack({kernels_, p, model_.tensors, arena_}, Stack(l), &pieces);
    };
    const Precision of_poolers =
        precision_ == Precision::float32 ? Precision::float32 : Precision::bfloat16;
    if (head.pooler) w.pooler = plan(of_poolers, *head.pooler);
    w.classifier = plan(Precision::float32, head.classifier);
    if (head.lte) w.lte = plan(Precision::float32, *head.lte);
    return pieces;
  });
  return slot.value;
}

}  // namespace costeff::model
