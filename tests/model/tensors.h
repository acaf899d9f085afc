#pragma once

// Tensors of a file "m" that does not exist, and parameters made from them.

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned.h"
#include "base/tensors/tensor.h"
#include "model/spec.h"

namespace costeff::model {

// Makes tensors and keeps their bytes.
class Tensors {
 public:
  // skip: bytes from an aligned address to the tensor's.
  Tensor make(const std::string& name, DType dtype, std::vector<int64_t> shape, const void* bytes,
              int64_t skip = 0) {
    Tensor t;
    t.name = name;
    t.dtype = dtype;
    t.shape = std::move(shape);
    t.file = std::make_shared<const std::string>("m");
    ByteBuffer& buffer = bytes_.emplace_back(t.bytes() + skip);
    std::memcpy(buffer.data() + skip, bytes, static_cast<size_t>(t.bytes()));
    t.data = buffer.data() + skip;
    return t;
  }
  Tensor floats(const std::string& name, std::vector<int64_t> shape,
                const std::vector<float>& values, int64_t skip = 0) {
    return make(name, DType::f32, std::move(shape), values.data(), skip);
  }

 private:
  std::deque<ByteBuffer> bytes_;
};

// A parameter of a model made by hand, whose role does not matter.
inline ParameterId add_tensor(Parameters* p, Tensor t) {
  return p->add(Role::query, Part::weight, std::move(t));
}
inline Linear add_linear(Parameters* p, const Tensor& weight) {
  return {weight.shape[0], weight.shape[1], add_tensor(p, weight), kNone};
}
inline Linear add_linear(Parameters* p, const Tensor& weight, const Tensor& bias) {
  return {weight.shape[0], weight.shape[1], add_tensor(p, weight),
          p->add(Role::query, Part::bias, bias)};
}
inline LayerNorm add_norm(Parameters* p, const Tensor& weight, const Tensor& bias) {
  return {add_tensor(p, weight), p->add(Role::query, Part::bias, bias)};
}

}  // namespace costeff::model
