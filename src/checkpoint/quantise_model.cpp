#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "base/half.h"
#include "base/quantise.h"
#include "checkpoint/save_model.h"

namespace costeff::checkpoint {
namespace {

// Where the bytes of the weights lie that are quantised, and the type they are stored in.
std::map<const std::byte*, DType> types_of(const model::Model& m, ComputeType compute) {
  const DType type = compute == ComputeType::int8 ? DType::i8 : DType::bf16;
  std::map<const std::byte*, DType> types;
  for (const model::Head& head : m.heads) {
    if (head.pooler) types[head.pooler->weight.data] = DType::bf16;
  }
  types[m.embeddings.word.data] = type;
  if (m.embeddings.word_up) types[m.embeddings.word_up->weight.data] = type;
  for (const model::Layer& layer : m.layers) {
    if (layer.attention) {
      const model::Attention& a = *layer.attention;
      for (const model::Linear* l : {&a.query, &a.key, &a.value, &a.output})
        types[l->weight.data] = type;
    }
    if (layer.ffn) {
      types[layer.ffn->in.weight.data] = type;
      types[layer.ffn->out.weight.data] = type;
    }
  }
  return types;
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
  const std::map<const std::byte*, DType> types = types_of(*m, compute);
  for (auto& [name, t] : saved->tensors) {
    const auto type = types.find(t.data);
    if (type == types.end() || t.shape.size() != 2 || t.numel() == 0) continue;
    if (type->second == DType::bf16) {
      if (t.dtype != DType::bf16) to_bfloat16(saved, &t);
    } else if (!(t.dtype == DType::i8 && t.scale)) {
      to_int8(saved, &t);
    }
  }
}

}  // namespace costeff::checkpoint
