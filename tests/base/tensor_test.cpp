#include "base/tensors/tensor.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/error_of.h"
#include "base/tensors/half.h"

namespace costeff {
namespace {

template <typename T>
Tensor view(const std::vector<T>& values, DType type) {
  Tensor t;
  t.name = "x";
  t.dtype = type;
  t.shape = {static_cast<int64_t>(values.size())};
  t.data = reinterpret_cast<const std::byte*>(values.data());
  t.file = std::make_shared<const std::string>("m.safetensors");
  return t;
}

TEST(ToFloat32, EveryWeightType) {
  float out[2];
  to_float32(view(std::vector<float>{1.5f, -2}, DType::f32), out);
  EXPECT_EQ(out[1], -2.0f);
  to_float32(view(std::vector<uint16_t>{0x3C00, 0x0001}, DType::f16), out);
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], 0x1p-24f);  // the smallest subnormal
  to_float32(view(std::vector<uint16_t>{0x3F80, 0xC000}, DType::bf16), out);
  EXPECT_EQ(out[1], -2.0f);
  to_float32(view(std::vector<double>{0.1, 1e300}, DType::f64), out);
  EXPECT_EQ(out[0], 0.1f);
}

TEST(ToFloat32, PartOfATensorAtAnyAddress) {
  std::vector<char> bytes(1 + 3 * 4);
  const float values[] = {1, 2, 3};
  std::memcpy(bytes.data() + 1, values, sizeof values);
  Tensor t = view(std::vector<float>{}, DType::f32);
  t.shape = {3};
  t.data = reinterpret_cast<const std::byte*>(bytes.data() + 1);
  float out[2];
  to_float32(t, 1, 2, out);
  EXPECT_EQ(out[0], 2.0f);
  EXPECT_EQ(out[1], 3.0f);
}

TEST(ToFloat32, IntegersAreNoWeights) {
  float out[1];
  EXPECT_EQ(error_of(ErrorKind::model,
                     [&] { to_float32(view(std::vector<int64_t>{1}, DType::i64), out); }),
            "m.safetensors: tensor x: dtype I64, expected F32, F16 or BF16 weights");
}

TEST(TensorSet, ANameTwiceIsAnError) {
  TensorSet set;
  const std::vector<float> values{1};
  set.add(view(values, DType::f32));
  EXPECT_THROW(set.add(view(values, DType::f32)), Error);
  EXPECT_NE(set.find("x"), nullptr);
  EXPECT_EQ(set.find("y"), nullptr);
}

TEST(DTypes, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(DType::c64); ++i) {
    const auto type = static_cast<DType>(i);
    DType back = DType::f32;
    ASSERT_TRUE(dtype_from_name(dtype_name(type), &back));
    EXPECT_EQ(back, type);
    EXPECT_GT(dtype_bits(type), 0);
  }
  DType ignored;
  EXPECT_FALSE(dtype_from_name("F12", &ignored));
}

}  // namespace
}  // namespace costeff
