#include "model/weights.h"

#include <costeff/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/quantise.h"

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::Precision;
using kernels::round_up;

// The file's bytes of a tensor are not needed any more.
void give_back(const TensorSet& tensors, const Tensor& t) {
  tensors.give_back({t.data, static_cast<size_t>(t.bytes())});
}

void read_vector(const TensorSet& tensors, const Tensor& t, float* out) {
  to_float32(t, out);
  check_finite(t, out, t.numel());
  give_back(tensors, t);
}

NormWeights read_norm(const TensorSet& tensors, const LayerNorm& n) {
  NormWeights w;
  read_vector(tensors, n.weight, w.weight.reserve(n.weight.numel()));
  read_vector(tensors, n.bias, w.bias.reserve(n.bias.numel()));
  return w;
}

// Panels of a weight that are read and packed together.
constexpr int64_t kPanelsAtOnce = 4;

// What packing needs besides its result.
struct PackScratch {
  FloatBuffer values, scales;
  AlignedBuffer<int8_t> quantised;
};

// How one table packs in one precision.
struct Packer {
  const KernelTable& kernels;
  Precision precision;
  const TensorSet& tensors;
  Arena& arena;  // for what is packed

  // A map without its weight, the bias 0.
  PackedLinear empty(int64_t out, int64_t in) const {
    PackedLinear l;
    l.out = out;
    l.in = in;
    l.precision = precision;
    std::fill_n(l.bias.reserve(round_up(out)), round_up(out), 0.0f);
    return l;
  }

  // The same, and room for the weight in the scratch.
  PackedLinear room(int64_t out, int64_t in, PackScratch* scratch) const {
    reserve(out, in, scratch);
    return empty(out, in);
  }

  void reserve(int64_t rows, int64_t in, PackScratch* scratch) const {
    if (precision == Precision::int8) {
      scratch->quantised.reserve(rows * in);
      scratch->scales.reserve(rows);
    } else {
      scratch->values.reserve(rows * in);
    }
  }

  std::byte* take(const PackedLinear& l) const {
    return arena.take(round_up(l.out) * kernels.product(precision).column_bytes(l.in));
  }

  // Rows that were read into the scratch -> packed.
  void pack(const PackScratch& scratch, int64_t rows, int64_t in, std::byte* packed) const {
    const kernels::Product& p = kernels.product(precision);
    if (p.pack) return p.pack(scratch.values.data(), in, rows, in, packed);
    p.pack_int8(scratch.quantised.data(), scratch.scales.data(), rows, in, packed);
  }
  void pack(PackedLinear* l, const PackScratch& scratch) const {
    std::byte* packed = take(*l);
    pack(scratch, l->out, l->in, packed);
    l->weight = packed;
  }
};

void check_inputs(const Linear& l) {
  if (l.in() <= kernels::kMaxInt8Inputs) return;
  throw_model(tensor_place(l.weight) + "has " + std::to_string(l.in()) +
              " inputs, expected at most " + std::to_string(kernels::kMaxInt8Inputs) + " in int8");
}

// Rows of int8 with their scales: those of the file, or made of its floats.
void read_quantised(const Tensor& t, int64_t begin, int64_t rows, int8_t* q, float* scale) {
  const int64_t columns = t.shape[1];
  std::vector<float> row(static_cast<size_t>(columns));
  for (int64_t r = begin; r < begin + rows; ++r, q += columns, ++scale) {
    if (t.dtype != DType::i8) {
      to_float32(t, r * columns, columns, row.data());
      check_finite(t, row.data(), columns, r * columns);
      *scale = quantise_row(row.data(), columns, q);
      continue;
    }
    *scale = row_scale(t, r);
    if (!std::isfinite(*scale)) {
      throw_model(tensor_place(t) + "the scale of row " + std::to_string(r) +
                  " is not finite, expected finite numbers");
    }
    std::memcpy(q, t.data + r * columns, static_cast<size_t>(columns));
  }
}

// `rows` rows of a weight from `begin` on into the scratch, from its row `at` on, as the precision
// packs them.
void read_part(const Packer& packer, const Linear& l, int64_t begin, int64_t rows, int64_t at,
               PackScratch* scratch) {
  const int64_t in = l.in();
  if (packer.precision == Precision::int8) {
    check_inputs(l);
    read_quantised(l.weight, begin, rows, scratch->quantised.data() + at * in,
                   scratch->scales.data() + at);
    return;
  }
  float* to = scratch->values.data() + at * in;
  to_float32(l.weight, begin * in, rows * in, to);
  check_finite(l.weight, to, rows * in, begin * in);
}

void read_weight(const Packer& packer, const Linear& l, int64_t at, PackScratch* scratch) {
  read_part(packer, l, 0, l.out(), at, scratch);
  give_back(packer.tensors, l.weight);
}

// Several maps of the same input under each other, each filled up with 0 to `stride` outputs, in
// the scratch; not packed yet.
PackedLinear read_rows(const Packer& packer, std::initializer_list<const Linear*> maps,
                       int64_t stride, PackScratch* scratch) {
  PackedLinear p =
      packer.room(stride * static_cast<int64_t>(maps.size()), (*maps.begin())->in(), scratch);
  int64_t at = 0;
  for (const Linear* l : maps) {
    const int64_t filled = l->out(), rest = stride - filled;
    read_weight(packer, *l, at, scratch);
    if (p.precision == Precision::int8) {
      std::fill_n(scratch->quantised.data() + (at + filled) * p.in, rest * p.in,
                  static_cast<int8_t>(0));
      std::fill_n(scratch->scales.data() + at + filled, rest, 0.0f);
    } else {
      std::fill_n(scratch->values.data() + (at + filled) * p.in, rest * p.in, 0.0f);
    }
    if (l->bias) read_vector(packer.tensors, *l->bias, p.bias.data() + at);
    at += stride;
  }
  return p;
}

PackedLinear read_stacked(const Packer& packer, std::initializer_list<const Linear*> maps,
                          int64_t stride, PackScratch* scratch) {
  PackedLinear p = read_rows(packer, maps, stride, scratch);
  packer.pack(&p, *scratch);
  return p;
}

// A map alone, some panels at a time, which stay in the cache between reading and packing and whose
// scratch is small.
PackedLinear read_linear(const Packer& packer, const Linear& l, PackScratch* scratch) {
  const int64_t rows = kPanelsAtOnce * packer.kernels.panel;
  PackedLinear p = packer.empty(l.out(), l.in());
  packer.reserve(std::min(rows, p.out), p.in, scratch);
  std::byte* packed = packer.take(p);
  const int64_t column = packer.kernels.product(packer.precision).column_bytes(p.in);
  for (int64_t begin = 0; begin < p.out; begin += rows) {
    const int64_t some = std::min(rows, p.out - begin);
    read_part(packer, l, begin, some, 0, scratch);
    packer.pack(*scratch, some, p.in, packed + begin * column);
  }
  p.weight = packed;
  if (l.bias) read_vector(packer.tensors, *l.bias, p.bias.data());
  give_back(packer.tensors, l.weight);
  return p;
}

// to [columns, rows] = from [rows, columns]
template <typename T>
void transpose(const T* from, int64_t rows, int64_t columns, T* to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
}

// The attention's inputs of a layer whose first tokens alone are read: a query with the scales of
// the keys in it, and the maps of keys and values by head.
void read_folded(const Packer& packer, const Attention& a, LayerWeights* w, PackScratch* scratch) {
  const bool int8 = packer.precision == Precision::int8;
  const int64_t hidden = a.key.in(), d = w->attention_size / w->heads;
  PackScratch keys, one;
  packer.room(w->attention_size, hidden, &keys);
  read_weight(packer, a.key, 0, &keys);
  for (int64_t h = 0; h < w->heads; ++h) {
    PackedLinear p = packer.room(hidden, d, &one);
    const int64_t at = h * d * hidden;
    if (int8) {
      transpose(keys.quantised.data() + at, d, hidden, one.quantised.data());
      std::fill_n(one.scales.data(), hidden, 1.0f);
    } else {
      transpose(keys.values.data() + at, d, hidden, one.values.data());
    }
    packer.pack(&p, one);
    w->key_by_head.push_back(std::move(p));
  }
  w->query = read_rows(packer, {&a.query}, w->stride, scratch);
  for (int64_t c = 0; int8 && c < w->attention_size; ++c) {
    scratch->scales.data()[c] *= keys.scales.data()[c];
    w->query.bias.data()[c] *= keys.scales.data()[c];
  }
  packer.pack(&w->query, *scratch);
  const PackedLinear values = read_rows(packer, {&a.value}, w->attention_size, &keys);
  for (int64_t h = 0; h < w->heads; ++h) {
    PackedLinear p = packer.room(d, hidden, &one);
    if (int8) {
      std::copy_n(keys.quantised.data() + h * d * hidden, d * hidden, one.quantised.data());
      std::copy_n(keys.scales.data() + h * d, d, one.scales.data());
    } else {
      std::copy_n(keys.values.data() + h * d * hidden, d * hidden, one.values.data());
    }
    std::copy_n(values.bias.data() + h * d, d, p.bias.data());
    packer.pack(&p, one);
    w->value_by_head.push_back(std::move(p));
  }
}

LayerWeights read_layer(const Packer& packer, const Layer& layer, bool folded) {
  LayerWeights w;
  PackScratch scratch;
  if (layer.attention) {
    const Attention& a = *layer.attention;
    w.heads = a.heads;
    w.attention_size = a.query.out();
    w.stride = round_up(w.attention_size);
    if (folded) {
      read_folded(packer, a, &w, &scratch);
    } else {
      w.query = read_stacked(packer, {&a.query}, w.stride, &scratch);
      w.key_value = read_stacked(packer, {&a.key, &a.value}, w.stride, &scratch);
    }
    w.attention_out = read_linear(packer, a.output, &scratch);
    w.attention_norm = read_norm(packer.tensors, a.norm);
  }
  if (layer.ffn) {
    w.ffn_in = read_linear(packer, layer.ffn->in, &scratch);
    w.ffn_out = read_linear(packer, layer.ffn->out, &scratch);
    w.ffn_norm = read_norm(packer.tensors, layer.ffn->norm);
  }
  return w;
}

constexpr int64_t kTypesKept = 2;

}  // namespace

const float* add_place(const Embeddings& e, int64_t i, int64_t type, float* out) {
  const int64_t n = e.position.shape[1];
  to_float32(e.position, (e.position_offset + i) * n, n, out);
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
  std::call_once(embeddings_.once, [&] {
    EmbeddingWeights w;
    PackScratch scratch;
    const Embeddings& e = model_.embeddings;
    w.norm = read_norm(model_.tensors, e.norm);
    // The rows that may be used; whether they are finite is asked when they are.
    const int64_t all = e.position.shape[0] - e.position_offset;
    w.places_of_type = model_.max_length > 0 ? std::min(model_.max_length, all) : all;
    w.types = e.type ? std::min(e.type->shape[0], kTypesKept) : 1;
    w.hidden = model_.hidden_size;
    w.places.reserve((w.types * w.places_of_type + 1) * w.hidden);  // add_place writes two rows
    for (int64_t type = 0; type < w.types; ++type) {
      for (int64_t i = 0; i < w.places_of_type; ++i)
        add_place(e, i, type, w.places.data() + (type * w.places_of_type + i) * w.hidden);
    }
    if (model_.embeddings.word_up)
      w.word_up = read_linear({kernels_, precision_, model_.tensors, arena_},
                              *model_.embeddings.word_up, &scratch);
    embeddings_.value = std::move(w);
  });
  return embeddings_.value;
}

const LayerWeights& WeightStore::layer(int64_t i) const {
  auto& slot = layers_[static_cast<size_t>(i)];
  std::call_once(slot.once, [&] {
    const auto at = static_cast<size_t>(i);
    slot.value = read_layer({kernels_, precision_, model_.tensors, arena_}, model_.layers[at],
                            at + 1 == model_.layers.size() && reads_first_only(model_));
  });
  return slot.value;
}

const HeadWeights& WeightStore::head(int64_t i) const {
  auto& slot = heads_[static_cast<size_t>(i)];
  std::call_once(slot.once, [&] {
    const Head& head = model_.heads[static_cast<size_t>(i)];
    HeadWeights w;
    PackScratch scratch;
    const auto in = [&](Precision p) { return Packer{kernels_, p, model_.tensors, arena_}; };
    const Packer packer = in(Precision::float32);
    const Precision of_poolers =
        precision_ == Precision::float32 ? Precision::float32 : Precision::bfloat16;
    if (head.pooler) w.pooler = read_linear(in(of_poolers), *head.pooler, &scratch);
    w.classifier = read_linear(packer, head.classifier, &scratch);
    if (head.lte) w.lte = read_linear(packer, *head.lte, &scratch);
    slot.value = std::move(w);
  });
  return slot.value;
}

}  // namespace costeff::model
