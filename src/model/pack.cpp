#include "model/pack.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/fail.h"
#include "base/tensors/quantise.h"

namespace costeff::model {
namespace {

using kernels::Precision;
using kernels::round_up;

// Elements that are read and packed together, so that they stay in the second-level cache in between.
constexpr int64_t kReadAtOnce = int64_t{1} << 16;
// Elements that a thread packs before it looks for more. At least a huge page of float32: if two
// threads touch a new page at the same time both clear one, and one does so in vain.
constexpr int64_t kPiece = int64_t{1} << 19;

// Says that the parameter's bytes in the file are no longer needed.
void give_back(const Parameters& parameters, ParameterId id) {
  const Tensor& t = parameters.tensor(id);
  parameters.storage.give_back({t.data, static_cast<size_t>(t.bytes())});
}

void pack_scratch(const kernels::Product& p, const PackScratch& scratch, int64_t rows, int64_t in,
                  std::byte* packed) {
  if (p.pack) return p.pack(scratch.values.data(), in, rows, in, packed);
  p.pack_int8(scratch.quantised.data(), scratch.scales.data(), rows, in, packed);
}

// Reads rows as int8 with their scales: as the file has them, or quantised from its floats.
void read_quantised(const Tensor& t, int64_t begin, int64_t rows, int8_t* q, float* scale) {
  const int64_t columns = t.shape[1];
  if (columns > kernels::kMaxInt8Inputs) {
    fail_model("{}has {} inputs, expected at most {} in int8", tensor_place(t), columns,
               kernels::kMaxInt8Inputs);
  }
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
      fail_model("{}the scale of row {} is not finite, expected finite numbers", tensor_place(t),
                 r);
    }
    std::memcpy(q, t.data + r * columns, static_cast<size_t>(columns));
  }
}

// Rows [begin, begin + rows) in place in the file; null unless they are aligned floats there.
const float* floats_in_place(const Parameters& parameters, const Stack& stack, int64_t begin,
                             int64_t rows) {
  const Linear& l = *stack.maps[static_cast<size_t>(begin / stack.stride)];
  const Tensor& weight = parameters.tensor(l.weight);
  const int64_t at = begin % stack.stride;
  if (weight.dtype != DType::f32 || at + rows > l.out) return nullptr;
  const std::byte* p = weight.data + at * l.in * static_cast<int64_t>(sizeof(float));
  if (reinterpret_cast<uintptr_t>(p) % alignof(float) != 0) return nullptr;
  const auto* floats = reinterpret_cast<const float*>(p);
  check_finite(weight, floats, rows * l.in, at * l.in);
  return floats;
}

// Packs rows [rows.begin, rows.end). Row 0 of the stack would go to `packed`; rows.begin is a multiple
// of the panel.
void pack_rows(const Packer& packer, const Stack& stack, Range rows, std::byte* packed,
               PackScratch* scratch) {
  const kernels::Product& p = packer.product();
  const int64_t in = stack.in(), panel = packer.kernels.panel;
  const int64_t at_once = std::max<int64_t>(1, kReadAtOnce / (in * panel)) * panel;
  for (int64_t begin = rows.begin; begin < rows.end; begin += at_once) {
    const int64_t count = std::min(at_once, rows.end - begin);
    std::byte* to = packed + begin * p.column_bytes(in);
    if (const float* floats =
            p.pack ? floats_in_place(packer.parameters, stack, begin, count) : nullptr) {
      p.pack(floats, in, count, in, to);
    } else {
      read_rows(packer, stack, begin, count, scratch);
      pack_scratch(p, *scratch, count, in, to);
    }
  }
}

}  // namespace

void PackScratch::reserve(Precision precision, int64_t rows, int64_t in) {
  if (precision == Precision::int8) {
    quantised.reserve(rows * in);
    scales.reserve(rows);
  } else {
    values.reserve(rows * in);
  }
}

PackedLinear Packer::empty(int64_t out, int64_t in) const {
  PackedLinear l;
  l.out = out;
  l.in = in;
  l.precision = precision;
  std::fill_n(l.bias.reserve(round_up(out)), round_up(out), 0.0f);
  return l;
}

std::byte* Packer::allocate(const PackedLinear& l) const {
  return arena.allocate(round_up(l.out) * product().column_bytes(l.in));
}

void Packer::pack(const PackScratch& scratch, PackedLinear* l) const {
  std::byte* packed = allocate(*l);
  pack_scratch(product(), scratch, l->out, l->in, packed);
  l->weight = packed;
}

void read_vector(const Parameters& parameters, ParameterId id, float* out) {
  const Tensor& t = parameters.tensor(id);
  to_float32(t, out);
  check_finite(t, out, t.numel());
  give_back(parameters, id);
}

PackedLinear read_biases(const Packer& packer, const Stack& stack) {
  PackedLinear p = packer.empty(stack.out(), stack.in());
  float* to = p.bias.data();
  for (const Linear* l : stack.maps) {
    if (l->bias != kNone) read_vector(packer.parameters, l->bias, to);
    to += stack.stride;
  }
  return p;
}

void read_rows(const Packer& packer, const Stack& stack, int64_t begin, int64_t rows,
               PackScratch* scratch) {
  const int64_t in = stack.in();
  const bool int8 = packer.precision == Precision::int8;
  scratch->reserve(packer.precision, rows, in);
  float *values = scratch->values.data(), *scales = scratch->scales.data();
  int8_t* quantised = scratch->quantised.data();
  for (int64_t r = 0, count = 0; r < rows; r += count) {
    const Linear& l = *stack.maps[static_cast<size_t>((begin + r) / stack.stride)];
    const Tensor& weight = packer.parameters.tensor(l.weight);
    const int64_t at = (begin + r) % stack.stride;
    const bool filling = at >= l.out;
    count = std::min(rows - r, (filling ? stack.stride : l.out) - at);
    if (int8 && filling) {
      std::fill_n(quantised + r * in, count * in, static_cast<int8_t>(0));
      std::fill_n(scales + r, count, 0.0f);
    } else if (int8) {
      read_quantised(weight, at, count, quantised + r * in, scales + r);
    } else if (filling) {
      std::fill_n(values + r * in, count * in, 0.0f);
    } else {
      to_float32(weight, at * in, count * in, values + r * in);
      check_finite(weight, values + r * in, count * in, at * in);
    }
  }
}

void give_back(const Packer& packer, const Stack& stack) {
  for (const Linear* l : stack.maps) give_back(packer.parameters, l->weight);
}

PackedLinear plan_stack(const Packer& packer, const Stack& stack, PackWork::Pieces* pieces) {
  PackedLinear p = read_biases(packer, stack);
  std::byte* packed = packer.allocate(p);
  p.weight = packed;
  const int64_t panel = packer.kernels.panel;
  const int64_t rows = (kPiece / (p.in * panel) + 1) * panel;
  const auto left = std::make_shared<std::atomic<int64_t>>((p.out + rows - 1) / rows);
  for (int64_t begin = 0; begin < p.out; begin += rows) {
    const Range part{begin, std::min(begin + rows, p.out)};
    pieces->push_back([=](PackScratch* scratch) {
      pack_rows(packer, stack, part, packed, scratch);
      if (--*left == 0) give_back(packer, stack);
    });
  }
  return p;
}

}  // namespace costeff::model
