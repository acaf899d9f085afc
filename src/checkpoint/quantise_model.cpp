#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "base/half.h"
#include "base/quantise.h"
#include "checkpoint/save_model.h"

namespace costeff::checkpoint {
namespace {

// Where the bytes of the weights lie that are quantised; those of poolers, which are bfloat16 in
// int8 too, are apart.
std::set<const std::byte*> poolers_of(const model::Model& m) {
  std::set<const std::byte*> poolers;
  for (const model::Head& head : m.heads) {
    if (head.pooler) poolers.insert(head.pooler->weight.data);
  }
  return poolers;
}

std::set<const std::byte*> bulk_of(const model::Model& m) {
  std::set<const std::byte*> bulk{m.embeddings.word.data};
  if (m.embeddings.word_up) bulk.insert(m.embeddings.word_up->weight.data);
  for (const model::Layer& layer : m.layers) {
    if (layer.attention) {
      const model::Attention& a = *layer.attention;
      for (const model::Linear* l : {&a.query, &a.key, &a.value, &a.output})
        bulk.insert(l->weight.data);
    }
    if (layer.ffn) {
      bulk.insert(layer.ffn->in.weight.data);
      bulk.insert(layer.ffn->out.weight.data);
    }
  }
  return bulk;
}

// Bytes that a tensor of the saved model points to from now on.
std::byte* own(SavedModel* saved, int64_t bytes) {
  auto buffer = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(bytes));
  std::byte* data = buffer->data();
  saved->owned.push_back(std::move(buffer));
  return data;
}

void to_int8(SavedModel* saved, Tensor* t) {
  const int64_t rows = t->shape[0], columns = t->shape[1];
  std::byte* q = own(saved, rows * columns);
  std::byte* scales = own(saved, rows * 4);
  std::vector<float> row(static_cast<size_t>(columns));
  for (int64_t r = 0; r < rows; ++r) {
    to_float32(*t, r * columns, columns, row.data());
    check_finite(*t, row.data(), columns, r * columns);
    const float scale =
        quantise_row(row.data(), columns, reinterpret_cast<int8_t*>(q + r * columns));
    std::memcpy(scales + r * 4, &scale, sizeof scale);
  }
  t->dtype = DType::i8;
  t->data = q;
  t->scale = scales;
}

void to_bfloat16(SavedModel* saved, Tensor* t) {
  const int64_t rows = t->shape[0], columns = t->shape[1];
  std::byte* to = own(saved, rows * columns * 2);
  std::vector<float> row(static_cast<size_t>(columns));
  for (int64_t r = 0; r < rows; ++r) {
    to_float32(*t, r * columns, columns, row.data());
    check_finite(*t, row.data(), columns, r * columns);
    for (float v : row) {
      const uint16_t bits = float_to_bfloat16(v);
      std::memcpy(to, &bits, sizeof bits);
      to += sizeof bits;
    }
  }
  t->dtype = DType::bf16;
  t->data = to - rows * columns * 2;
  t->scale = nullptr;
}

}  // namespace

void quantise(SavedModel* saved, model::Model* m, ComputeType compute) {
  m->compute = compute;
  if (compute == ComputeType::float32) return;
  const std::set<const std::byte*> bulk = bulk_of(*m), poolers = poolers_of(*m);
  for (auto& [name, t] : saved->tensors) {
    if (t.shape.size() != 2 || t.numel() == 0) continue;
    const bool pooler = poolers.contains(t.data);
    if (!pooler && !bulk.contains(t.data)) continue;
    if (compute == ComputeType::int8 && !pooler) {
      if (!(t.dtype == DType::i8 && t.scale)) to_int8(saved, &t);
    } else if (t.dtype != DType::bf16) {
      to_bfloat16(saved, &t);
    }
  }
}

}  // namespace costeff::checkpoint
