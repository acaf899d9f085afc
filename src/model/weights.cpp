#include "model/weights.h"

#include <algorithm>

#include "model/pack.h"

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::Precision;
using kernels::round_up;

NormWeights read_norm(const Parameters& parameters, const LayerNorm& n) {
  NormWeights w;
  const int64_t size = parameters.tensor(n.weight).numel();
  read_vector(parameters, n.weight, w.weight.reserve(size));
  read_vector(parameters, n.bias, w.bias.reserve(size));
  return w;
}

// to [columns, rows] = from [rows, columns]
template <typename T>
void transpose(const T* from, int64_t rows, int64_t columns, T* to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
}

// Makes what attend_folded reads: a query that includes the scales of the keys, and maps of the keys by
// head.
void fold_keys(const Packer& packer, const Attention& a, LayerWeights* w, PackScratch* scratch) {
  const bool int8 = packer.precision == Precision::int8;
  const int64_t hidden = a.key.in, d = w->attention_size / w->heads;
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

// ... and maps of the values by head.
void fold_values(const Packer& packer, const Attention& a, LayerWeights* w, PackScratch* scratch) {
  const int64_t hidden = a.value.in, d = w->attention_size / w->heads;
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

// The output of a sublayer without units: its bias alone.
PackedLinear bias_alone(const Packer& packer, const Linear& output) {
  return read_biases(packer, Stack(output));
}

// Fills in *w apart from its packed weights, and returns the pieces that pack them.
PackWork::Pieces plan_layer(const Packer& packer, const Layer& layer, bool folded,
                            LayerWeights* w) {
  PackWork::Pieces pieces;
  if (layer.attention) {
    const Attention& a = *layer.attention;
    w->heads = a.heads;
    w->attention_size = a.query.out;
    w->stride = round_up(w->attention_size);
    if (w->heads == 0) {
      w->attention_out = bias_alone(packer, a.output);
    } else if (folded) {
      pieces.push_back([=, &a](PackScratch* s) { fold_keys(packer, a, w, s); });
      pieces.push_back([=, &a](PackScratch* s) { fold_values(packer, a, w, s); });
    } else {
      w->query = plan_stack(packer, {{&a.query}, w->stride}, &pieces);
      w->key_value = plan_stack(packer, {{&a.key, &a.value}, w->stride}, &pieces);
    }
    if (w->heads > 0) w->attention_out = plan_stack(packer, Stack(a.output), &pieces);
    w->attention_norm = read_norm(packer.parameters, a.norm);
  }
  if (layer.ffn) {
    if (layer.ffn->in.out > 0) {
      w->ffn_in = plan_stack(packer, Stack(layer.ffn->in), &pieces);
      w->ffn_out = plan_stack(packer, Stack(layer.ffn->out), &pieces);
    } else {
      w->ffn_out = bias_alone(packer, layer.ffn->out);
    }
    w->ffn_norm = read_norm(packer.parameters, layer.ffn->norm);
  }
  return pieces;
}

constexpr int64_t kTypesKept = 2;  // types of which EmbeddingWeights keeps the sums

}  // namespace

const float* add_place(const Model& model, int64_t i, int64_t type, float* out) {
  const Embeddings& e = model.arch.embeddings;
  const int64_t n = model.arch.embedding_size();
  to_float32(model.parameters.tensor(e.position), (e.first_position() + i) * n, n, out);
  float* const other = out + n;
  const auto add_row = [&](ParameterId table, int64_t row) {
    if (table == kNone) return;
    to_float32(model.parameters.tensor(table), row * n, n, other);
    for (int64_t j = 0; j < n; ++j) out[j] += other[j];
  };
  add_row(e.type, type);
  add_row(e.task, 0);
  return out;
}

WeightStore::WeightStore(const Model& model, const KernelTable& kernels, Precision precision)
    : model_(model),
      kernels_(kernels),
      precision_(precision),
      first_(shared_layers(model.arch)),
      layers_(model.arch.layers.size()),
      heads_(model.arch.heads.size()) {
  for (const Head& head : model.arch.heads) {
    if (head.pooler) shared_.try_emplace(head.pooler->weight);
    if (head.lte) shared_.try_emplace(head.lte->weight);
  }
}

template <typename T, typename Plan>
void WeightStore::make(Slot<T>* slot, const Plan& plan) const {
  if (slot->work.done()) return slot->work.run(plan);
  read_unchanged(model_.parameters.storage, [&] {
    slot->work.run([&] {
      // A file that became shorter is noticed before its missing pages are touched.
      model_.parameters.storage.check_unchanged();
      return plan();
    });
  });
}

const EmbeddingWeights& WeightStore::embeddings() const {
  make(&embeddings_, [&] {
    EmbeddingWeights& w = embeddings_.value;
    const Embeddings& e = model_.arch.embeddings;
    PackWork::Pieces pieces;
    w.norm = read_norm(model_.parameters, e.norm);
    // Only the rows that may be used. Whether they are finite is checked when they are used.
    const int64_t all = model_.parameters.tensor(e.position).shape[0] - e.first_position();
    const int64_t used = model_.arch.max_length + e.position_offset - e.first_position();
    w.places_of_type = model_.arch.max_length > 0 ? std::min(used, all) : all;
    w.types = e.type != kNone ? std::min(model_.parameters.tensor(e.type).shape[0], kTypesKept) : 1;
    w.size = model_.arch.embedding_size();
    w.places.reserve((w.types * w.places_of_type + 1) * w.size);  // add_place writes two rows
    pieces.push_back([&](PackScratch*) {
      for (int64_t type = 0; type < w.types; ++type) {
        for (int64_t i = 0; i < w.places_of_type; ++i)
          add_place(model_, i, type, w.places.data() + (type * w.places_of_type + i) * w.size);
      }
    });
    const Packer packer{kernels_, precision_, model_.parameters, arena_};
    if (e.word_up) w.word_up = plan_stack(packer, Stack(*e.word_up), &pieces);
    if (e.map) w.map = plan_stack(packer, Stack(*e.map), &pieces);
    return pieces;
  });
  return embeddings_.value;
}

const LayerWeights& WeightStore::layer(int64_t i) const {
  const size_t at = slot_of(i);
  auto& slot = layers_[at];
  make(&slot, [&] {
    // Where others have the last layer's weights too, they are not packed in a second form for it.
    return plan_layer({kernels_, precision_, model_.parameters, arena_}, model_.arch.layers[at],
                      at + 1 == model_.arch.layers.size() && reads_first_only(model_.arch),
                      &slot.value);
  });
  return slot.value;
}

void WeightStore::help_with_layer(int64_t i) const noexcept {
  try {
    layer(i);
  } catch (...) {  // layer(i) throws it again
  }
}

const PackedLinear& WeightStore::shared(const Linear& l, Precision precision) const {
  auto& slot = shared_.at(l.weight);
  make(&slot, [&] {
    PackWork::Pieces pieces;
    slot.value = plan_stack({kernels_, precision, model_.parameters, arena_}, Stack(l), &pieces);
    return pieces;
  });
  return slot.value;
}

const HeadWeights& WeightStore::head(int64_t i) const {
  auto& slot = heads_[static_cast<size_t>(i)];
  const Head& head = model_.arch.heads[static_cast<size_t>(i)];
  const Precision of_poolers =
      precision_ == Precision::float32 ? Precision::float32 : Precision::bfloat16;
  const PackedLinear *pooler = nullptr, *lte = nullptr;
  if (!slot.work.done()) {
    if (head.pooler) pooler = &shared(*head.pooler, of_poolers);
    if (head.lte) lte = &shared(*head.lte, Precision::float32);
  }
  make(&slot, [&] {
    PackWork::Pieces pieces;
    slot.value = {pooler, lte,
                  plan_stack({kernels_, Precision::float32, model_.parameters, arena_},
                             Stack(head.classifier), &pieces)};
    return pieces;
  });
  return slot.value;
}

}  // namespace costeff::model
