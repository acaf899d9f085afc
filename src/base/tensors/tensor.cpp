#include "base/tensors/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/tensors/half.h"
#include "base/utf8.h"

namespace costeff {
namespace {

struct DTypeRow {
  DType type;
  const char* name;
  int64_t bits;
};

constexpr std::array<DTypeRow, 22> kDTypes{{
    {DType::f32, "F32", 32},
    {DType::f16, "F16", 16},
    {DType::bf16, "BF16", 16},
    {DType::f64, "F64", 64},
    {DType::i64, "I64", 64},
    {DType::i32, "I32", 32},
    {DType::i16, "I16", 16},
    {DType::i8, "I8", 8},
    {DType::u64, "U64", 64},
    {DType::u32, "U32", 32},
    {DType::u16, "U16", 16},
    {DType::u8, "U8", 8},
    {DType::boolean, "BOOL", 8},
    {DType::f8_e4m3, "F8_E4M3", 8},
    {DType::f8_e5m2, "F8_E5M2", 8},
    {DType::f8_e4m3fnuz, "F8_E4M3FNUZ", 8},
    {DType::f8_e5m2fnuz, "F8_E5M2FNUZ", 8},
    {DType::f8_e8m0, "F8_E8M0", 8},
    {DType::f6_e2m3, "F6_E2M3", 6},
    {DType::f6_e3m2, "F6_E3M2", 6},
    {DType::f4, "F4", 4},
    {DType::c64, "C64", 64},
}};

template <typename T, typename F>
void convert(const std::byte* p, int64_t count, float* out, F&& f) {
  for (int64_t i = 0; i < count; ++i) {
    T v;
    std::memcpy(&v, p + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    out[i] = f(v);
  }
}

// Elements [begin, begin + count) of a quantised weight.
void dequantise(const Tensor& t, int64_t begin, int64_t count, float* out) {
  const int64_t columns = t.shape[1];
  const auto* q = reinterpret_cast<const int8_t*>(t.data);
  for (int64_t i = begin; i < begin + count;) {
    const int64_t row = i / columns, end = std::min((row + 1) * columns, begin + count);
    const float scale = row_scale(t, row);
    for (; i < end; ++i) *out++ = static_cast<float>(q[i]) * scale;
  }
}

// The position of element `index` of t: "[3, 17]".
std::string element_text(const Tensor& t, int64_t index) {
  std::vector<int64_t> at(t.shape.size());
  for (size_t d = at.size(); d-- > 0;) {
    at[d] = index % t.shape[d];
    index /= t.shape[d];
  }
  return shape_text(at);
}

}  // namespace

float row_scale(const Tensor& t, int64_t row) {
  float scale;
  std::memcpy(&scale, t.scale + row * static_cast<int64_t>(sizeof scale), sizeof scale);
  return scale;
}

int64_t dtype_bits(DType t) { return kDTypes[static_cast<size_t>(t)].bits; }
const char* dtype_name(DType t) { return kDTypes[static_cast<size_t>(t)].name; }

bool dtype_from_name(std::string_view name, DType* out) {
  for (const DTypeRow& row : kDTypes) {
    if (name == row.name) {
      *out = row.type;
      return true;
    }
  }
  return false;
}

int64_t Tensor::numel() const {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string tensor_place(const Tensor& t) {
  return fmt::format("{}: tensor {}: ", t.file ? *t.file : "?", printable(t.name, 200));
}

void TensorSet::give_back(std::span<const std::byte> bytes) const {
  for (const auto& f : files) f->give_back(bytes);
}

void TensorSet::take_float32(const Tensor& t, float* out) const {
  to_float32(t, out);
  give_back({t.data, static_cast<size_t>(t.bytes())});
}

void TensorSet::check_unchanged() const {
  for (const auto& f : files) f->check_unchanged();
}

void TensorSet::add(Tensor t) {
  auto [it, fresh] = by_name.emplace(t.name, tensors.size());
  if (!fresh) {
    const std::string& first = *tensors[it->second].file;
    fail_model("{}is defined twice{}", tensor_place(t),
               first == *t.file ? "" : fmt::format(" (also in {})", first));
  }
  tensors.push_back(std::move(t));
}

void to_float32(const Tensor& t, float* out) { to_float32(t, 0, t.numel(), out); }

void to_float32(const Tensor& t, int64_t begin, int64_t count, float* out) {
  const std::byte* p = t.data + begin * dtype_size(t.dtype);
  switch (t.dtype) {
    case DType::f32:
      if (count > 0) std::memcpy(out, p, static_cast<size_t>(count) * 4);
      return;
    case DType::f16:
      return convert<uint16_t>(p, count, out, half_to_float);
    case DType::bf16:
      return convert<uint16_t>(p, count, out, bfloat16_to_float);
    case DType::f64:
      return convert<double>(p, count, out, [](double v) { return static_cast<float>(v); });
    case DType::i8:
      if (t.scale) return dequantise(t, begin, count, out);
      [[fallthrough]];
    default:
      fail_model("{}dtype {}, expected F32, F16 or BF16 weights", tensor_place(t),
                 dtype_name(t.dtype));
  }
}

bool all_finite(const float* values, int64_t count) {
  // One pass without branches, which compilers vectorise. The exponent of infinity and NaN is all
  // ones and carries into the highest bit.
  uint32_t carries = 0;
  for (int64_t i = 0; i < count; ++i)
    carries |= (std::bit_cast<uint32_t>(values[i]) & 0x7fffffffu) + 0x00800000u;
  return carries >> 31 == 0;
}

void check_finite(const Tensor& t, const float* values, int64_t count, int64_t begin) {
  if (all_finite(values, count)) return;
  const float* bad =
      std::find_if_not(values, values + count, [](float v) { return std::isfinite(v); });
  fail_model("{}element {} is {}, expected finite numbers", tensor_place(t),
             element_text(t, begin + (bad - values)), std::isnan(*bad) ? "NaN" : "infinite");
}

}  // namespace costeff
