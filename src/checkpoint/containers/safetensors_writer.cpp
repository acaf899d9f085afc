#include "checkpoint/containers/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <tuple>

#include "base/fail.h"
#include "base/files/file_writer.h"
#include "base/format.h"
#include "base/json/json.h"
#include "base/tensors/half.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

constexpr int64_t kPiece = 16384;  // elements converted at a time

void store(uint32_t bits, int64_t bytes, std::byte* out) {
  for (int64_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(bits >> (8 * i));
}

[[noreturn]] void fail_too_large(const Tensor& t, int64_t index, double value, DType dtype) {
  std::vector<int64_t> at(t.shape.size());
  for (size_t d = at.size(); d-- > 0;) {
    at[d] = index % t.shape[d];
    index /= t.shape[d];
  }
  fail_output("{}element {} is {}, {}", tensor_place(t), shape_text(at), Json(value).dump(),
              dtype == DType::f16    ? "float16 holds numbers up to 65504"
              : dtype == DType::bf16 ? "bfloat16 holds numbers up to 3.39e38"
                                     : "float32 holds numbers up to 3.4e38");
}

// The element as the file has it: a float64 may be too large for float32 already.
double element(const Tensor& t, int64_t index, float value) {
  double v = static_cast<double>(value);
  if (t.dtype == DType::f64) std::memcpy(&v, t.data + index * 8, sizeof v);
  return v;
}

int64_t bytes_of(const TensorToWrite& t) { return t.tensor->numel() * dtype_size(t.dtype); }

// {"__metadata__":{"format":"pt"},"NAME":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...}
// transformers refuses files without the format pt.
std::string header_text(const std::vector<TensorToWrite>& tensors) {
  std::string text = "{\"__metadata__\":{\"format\":\"pt\"}";
  int64_t at = 0;
  for (const TensorToWrite& t : tensors) {
    const int64_t end = at + bytes_of(t);
    append_format(&text, R"(,{}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})",
                  Json(t.name).dump(), dtype_name(t.dtype), Json(t.tensor->shape).dump(), at, end);
    at = end;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

void convert_elements(const Tensor& t, DType dtype, int64_t begin, int64_t count, std::byte* out) {
  if (t.dtype == dtype) {
    const int64_t size = dtype_size(dtype);
    if (count > 0) std::memcpy(out, t.data + begin * size, static_cast<size_t>(count * size));
    return;
  }
  std::array<float, 1024> values;
  const int64_t size = dtype_size(dtype), last = begin + count;
  while (begin < last) {
    const int64_t n = std::min<int64_t>(last - begin, values.size());
    to_float32(t, begin, n, values.data());
    for (int64_t i = 0; i < n; ++i, out += size) {
      const float v = values[static_cast<size_t>(i)];
      uint32_t bits = std::bit_cast<uint32_t>(v);
      bool infinite = std::isinf(v);
      if (dtype == DType::f16) {
        bits = float_to_half(v);
        infinite = (bits & 0x7fffu) == 0x7c00u;
      } else if (dtype == DType::bf16) {
        bits = float_to_bfloat16(v);
        infinite = (bits & 0x7fffu) == 0x7f80u;
      }
      if (infinite) {
        const double have = element(t, begin + i, v);
        if (std::isfinite(have)) fail_too_large(t, begin + i, have, dtype);
      }
      store(bits, size, out);
    }
    begin += n;
  }
}

bool write_safetensors(const std::string& path, std::vector<TensorToWrite> tensors,
                       const std::atomic<bool>* stop) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    // F32, then F16, then BF16: their order in the enumeration.
    return std::tie(a.dtype, a.name) < std::tie(b.dtype, b.name);
  });
  const std::string header = header_text(tensors);
  std::array<std::byte, 8> length{};
  for (size_t i = 0; i < 8; ++i)
    length[i] = static_cast<std::byte>(uint64_t{header.size()} >> (8 * i));
  FileWriter file(path);
  file.write(length);
  file.write(header);
  std::vector<std::byte> piece;
  for (const TensorToWrite& t : tensors) {
    const int64_t count = t.tensor->numel();
    for (int64_t begin = 0; begin < count; begin += kPiece) {
      if (stop && *stop) return false;
      const int64_t n = std::min(kPiece, count - begin);
      piece.resize(static_cast<size_t>(n * dtype_size(t.dtype)));
      convert_elements(*t.tensor, t.dtype, begin, n, piece.data());
      file.write(piece);
    }
  }
  file.finish();
  return true;
}

}  // namespace costeff::checkpoint
