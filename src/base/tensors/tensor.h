#pragma once

#include <costeff/error.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace costeff {

class MappedFile;

// Element types of checkpoints. Weights are f32, f16, bf16 or f64; the others occur in buffers, and
// are here so that they can be listed.
enum class DType : uint8_t {
  f32,
  f16,
  bf16,
  f64,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  f8_e4m3,
  f8_e5m2,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f8_e8m0,
  f6_e2m3,
  f6_e3m2,
  f4,
  c64
};

int64_t dtype_bits(DType t);                                      // of one element
inline int64_t dtype_size(DType t) { return dtype_bits(t) / 8; }  // bytes; 0 for f6 and f4
const char* dtype_name(DType t);  // as safetensors spells it: "F32", "BF16", "BOOL", ...
bool dtype_from_name(std::string_view name, DType* out);
// Whether the values are numbers by themselves, without a scale.
inline bool is_weight_dtype(DType t) {
  return t == DType::f32 || t == DType::f16 || t == DType::bf16 || t == DType::f64;
}

// A view of a tensor in a file: contiguous, row-major, little-endian, perhaps unaligned. The
// TensorSet owns the bytes.
struct Tensor {
  std::string name;  // as in the file
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  const std::byte* data = nullptr;
  // I8 weights of `costeff quantize`, [rows, columns]: float32 [rows], row r is scale[r] * data.
  const std::byte* scale = nullptr;
  std::shared_ptr<const std::string> file;  // path, for error messages

  int64_t numel() const;  // 1 for a scalar; readers have checked that it does not overflow
  int64_t bytes() const { return numel() * dtype_bits(dtype) / 8; }
};

inline bool is_weight(const Tensor& t) {
  return is_weight_dtype(t.dtype) || (t.dtype == DType::i8 && t.scale);
}
// scale[row] of an int8 weight.
float row_scale(const Tensor& t, int64_t row);

// "[768, 3072]"
std::string shape_text(const std::vector<int64_t>& shape);

// "m/model.safetensors: tensor NAME: ", with which every message about a tensor begins.
std::string tensor_place(const Tensor& t);

// All tensors of a checkpoint, and the mappings and buffers that keep their bytes alive.
struct TensorSet {
  std::vector<Tensor> tensors;                      // in file order
  std::unordered_map<std::string, size_t> by_name;  // into `tensors`
  std::vector<std::shared_ptr<const void>> owners;
  std::vector<std::shared_ptr<const MappedFile>> files;  // the mappings among the owners
  std::shared_ptr<const std::string> file;               // the file, or the index of the shards
  std::vector<std::string> notes;  // what was ignored in the files, one line each
  // Reads every byte that the tensors use and compares checksums. Throws Error(model). Null if the
  // format has no checksums. It is a separate step, so that a checkpoint that is wrong in other ways
  // is refused before 8 GiB are read.
  std::function<void(const TensorSet&)> check_bytes;

  const Tensor* find(const std::string& name) const {
    auto it = by_name.find(name);
    return it == by_name.end() ? nullptr : &tensors[it->second];
  }
  // Throws Error(model) if there is a tensor of that name.
  void add(Tensor t);
  // Says that these bytes of a tensor are not needed soon: see MappedFile::give_back.
  void give_back(std::span<const std::byte> bytes) const;
  // to_float32() of a tensor that is not needed any more.
  void take_float32(const Tensor& t, float* out) const;
  // Throws Error(model) if a file was changed under its mapping: see MappedFile::check_unchanged.
  void check_unchanged() const;
};

// Calls read(), which uses the bytes of the tensors. Its results count only if the files have not
// changed, and so do its errors: if they have, it throws an Error(model) that says so.
template <typename Read>
void read_unchanged(const TensorSet& tensors, const Read& read) {
  try {
    read();
  } catch (const Error&) {
    tensors.check_unchanged();
    throw;
  }
  tensors.check_unchanged();
}

// Writes t's elements as float32 to out [numel]. t must be a weight. f64 is rounded.
void to_float32(const Tensor& t, float* out);
// The same for elements [begin, begin + count).
void to_float32(const Tensor& t, int64_t begin, int64_t count, float* out);

// Whether none of them is NaN or infinite.
bool all_finite(const float* values, int64_t count);

// Throws an Error(model) that names the first element of t that is NaN or infinite. values: [count],
// t's elements from `begin` on.
void check_finite(const Tensor& t, const float* values, int64_t count, int64_t begin = 0);

}  // namespace costeff
