#include <cstring>
#include <vector>

#include "base/tensors/half.h"
#include "base/tensors/quantise.h"
#include "checkpoint/dialects/save_model.h"

namespace costeff::checkpoint {
namespace {

using model::Role;

// The type in which a weight is stored; F32: it keeps its own.
DType type_of(const model::Parameter& p, ComputeType compute) {
  if (p.part != model::Part::weight) return DType::f32;
  switch (p.role) {
    case Role::pooler:
      return DType::bf16;
    case Role::word:
    case Role::word_up:
    case Role::embedding_map:
    case Role::query:
    case Role::key:
    case Role::value:
    case Role::attention_out:
    case Role::ffn_in:
    case Role::ffn_out:
      return compute == ComputeType::int8 ? DType::i8 : DType::bf16;
    default:
      return DType::f32;
  }
}

void to_int8(TensorSet* storage, Tensor* t) {
  const int64_t rows = t->shape[0], columns = t->shape[1];
  std::byte* q = model::own_bytes(storage, rows * columns).data();
  std::byte* scales = model::own_bytes(storage, rows * 4).data();
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

void to_bfloat16(TensorSet* storage, Tensor* t) {
  const int64_t rows = t->shape[0], columns = t->shape[1];
  std::byte* to = model::own_bytes(storage, rows * columns * 2).data();
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

void quantise(model::Model* m, ComputeType compute) {
  m->provenance.compute = compute;
  if (compute == ComputeType::float32) return;
  model::for_each_parameter(*m, [&](model::Parameter& p) {
    Tensor& t = p.tensor;
    if (t.numel() == 0) return;
    const DType type = type_of(p, compute);
    if (type == DType::bf16 && t.dtype != DType::bf16) to_bfloat16(&m->parameters.storage, &t);
    if (type == DType::i8 && !(t.dtype == DType::i8 && t.scale))
      to_int8(&m->parameters.storage, &t);
  });
}

}  // namespace costeff::checkpoint
