#include "model/parameters.h"

#include <memory>
#include <utility>
#include <vector>

namespace costeff::model {

ParameterId Parameters::add(Role role, Part part, Tensor tensor) {
  list.push_back({role, part, 0, {}, std::move(tensor)});
  return static_cast<ParameterId>(list.size()) - 1;
}

std::span<std::byte> own_bytes(TensorSet* storage, int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  auto buffer = std::make_shared<std::vector<std::byte>>(size);
  std::byte* data = buffer->data();
  storage->owners.push_back(std::move(buffer));
  return {data, size};
}

ParameterId new_parameter(Parameters* parameters, Role role, Part part, const std::string& source,
                          const std::string& name, std::initializer_list<int64_t> shape,
                          std::span<float>* values) {
  Tensor t;
  t.name = name;
  t.dtype = DType::f32;
  t.shape = shape;
  t.file = std::make_shared<const std::string>(source);
  const std::span<std::byte> bytes = own_bytes(&parameters->storage, t.bytes());
  t.data = bytes.data();
  *values = {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)};
  return parameters->add(role, part, std::move(t));
}

std::span<float> own_floats(Parameters* parameters, ParameterId id) {
  Tensor& t = (*parameters)[id].tensor;
  const auto count = static_cast<size_t>(t.numel());
  const auto bytes = own_bytes(&parameters->storage, static_cast<int64_t>(count * sizeof(float)));
  auto* floats = reinterpret_cast<float*>(bytes.data());
  parameters->storage.take_float32(t, floats);
  t.dtype = DType::f32;
  t.data = bytes.data();
  t.scale = nullptr;
  return {floats, count};
}

}  // namespace costeff::model
