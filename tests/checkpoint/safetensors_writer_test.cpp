#include "checkpoint/containers/safetensors_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/error_of.h"
#include "base/tensors/half.h"
#include "checkpoint/containers/weights.h"
#include "tiny_checkpoint.h"

namespace costeff::checkpoint {
namespace {

// A tensor that owns its numbers.
template <typename T>
struct Owned {
  std::vector<T> values;
  Tensor tensor;
  Owned(std::string name, DType dtype, std::vector<int64_t> shape, std::vector<T> v)
      : values(std::move(v)) {
    tensor.name = std::move(name);
    tensor.dtype = dtype;
    tensor.shape = std::move(shape);
    tensor.data = reinterpret_cast<const std::byte*>(values.data());
    tensor.file = std::make_shared<const std::string>("m/model.safetensors");
  }
};

TEST(SafetensorsWriter, BytesOfASmallFile) {
  const TempDir dir;
  const Owned<float> a("x", DType::f32, {2}, {1.0f, -2.0f});
  const Owned<uint16_t> b("y", DType::f16, {3}, {0x3c00, 0x0001, 0xfbff});
  const Owned<float> c("z", DType::f32, {}, {0.5f});
  EXPECT_TRUE(write_safetensors(dir.file("f"), {{"b.half", &b.tensor, DType::f16},
                                                {"z", &c.tensor, DType::f32},
                                                {"a", &a.tensor, DType::f32}}));
  std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("z":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
      R"("b.half":{"dtype":"F16","shape":[3],"data_offsets":[12,18]}})";
  while (header.size() % 8) header += ' ';
  std::string expected(8, '\0');
  expected[0] = static_cast<char>(header.size() & 0xff);
  expected[1] = static_cast<char>(header.size() >> 8);
  expected += header;
  expected +=
      std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x00\x00\x3f\x00\x3c\x01\x00\xff\xfb", 18);
  EXPECT_EQ(read_whole_file(dir.file("f")), expected);
}

TEST(SafetensorsWriter, LargeTensorsAreWrittenWhole) {
  const TempDir dir;
  std::vector<float> values(100003);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.5f;
  const Owned<float> t("t", DType::f32, {100003}, values);
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    const std::string path = dir.file(dtype_name(dtype));
    ASSERT_TRUE(write_safetensors(path, {{"t", &t.tensor, dtype}}));
    const TensorSet set = read_safetensors(path);
    ASSERT_EQ(set.tensors.size(), 1u);
    EXPECT_EQ(set.tensors[0].dtype, dtype);
    std::vector<float> back(values.size());
    to_float32(set.tensors[0], back.data());
    for (size_t i = 0; i < values.size(); ++i) {
      const float v = t.values[i];
      const float expected = dtype == DType::f32   ? v
                             : dtype == DType::f16 ? half_to_float(float_to_half(v))
                                                   : bfloat16_to_float(float_to_bfloat16(v));
      ASSERT_EQ(back[i], expected) << i;
    }
  }
}

TEST(SafetensorsWriter, KeepsTheBitsOfItsOwnDtype) {
  const Owned<uint32_t> t("t", DType::f32, {3},
                          {0x7f800001u, 0xffc12345u, 0x80000000u});  // NaN, NaN, -0
  std::array<uint32_t, 3> out{};
  convert_elements(t.tensor, DType::f32, 0, 3, reinterpret_cast<std::byte*>(out.data()));
  EXPECT_EQ(out, (std::array<uint32_t, 3>{0x7f800001u, 0xffc12345u, 0x80000000u}));
  uint32_t one = 0;
  convert_elements(t.tensor, DType::f32, 2, 1, reinterpret_cast<std::byte*>(&one));
  EXPECT_EQ(one, 0x80000000u);
}

TEST(SafetensorsWriter, HalvesOfOneKindBecomeTheOther) {
  const Owned<uint16_t> bf("t", DType::bf16, {2}, {0x3f80, 0xc2f7});  // 1, -123.5
  std::array<uint16_t, 2> out{};
  convert_elements(bf.tensor, DType::f16, 0, 2, reinterpret_cast<std::byte*>(out.data()));
  EXPECT_EQ(out, (std::array<uint16_t, 2>{0x3c00, float_to_half(-123.5f)}));
}

TEST(SafetensorsWriter, NumbersWithoutRoomAreErrorsThatNameThem) {
  std::array<std::byte, 64> out;
  const Owned<float> t("w", DType::f32, {2, 3}, {1, 2, 3, 4, -70000.0f, 6});
  EXPECT_EQ(error_of(ErrorKind::output,
                     [&] { convert_elements(t.tensor, DType::f16, 0, 6, out.data()); }),
            "m/model.safetensors: tensor w: element [1, 1] is -70000.0, float16 holds numbers up "
            "to 65504");
  const Owned<float> b("w", DType::f32, {1}, {3.4e38f});
  EXPECT_NE(error_of(ErrorKind::output,
                     [&] { convert_elements(b.tensor, DType::bf16, 0, 1, out.data()); })
                .find("tensor w: element [0] is 3.39999"),
            std::string::npos);
  const Owned<double> d("w", DType::f64, {2}, {1.0, 1e300});
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    EXPECT_NE(
        error_of(ErrorKind::output, [&] { convert_elements(d.tensor, dtype, 0, 2, out.data()); })
            .find("tensor w: element [1] is 1e+300, "),
        std::string::npos);
  }
  // Numbers that are infinite in the source stay so.
  const Owned<float> i("w", DType::f32, {1}, {-std::numeric_limits<float>::infinity()});
  uint16_t half = 0;
  convert_elements(i.tensor, DType::f16, 0, 1, reinterpret_cast<std::byte*>(&half));
  EXPECT_EQ(half, 0xfc00u);
}

TEST(SafetensorsWriter, Float64IsRoundedOnce) {
  // Just above the middle of 1 and the next float32.
  const Owned<double> t("t", DType::f64, {1}, {1 + 0x1p-24 + 0x1p-50});
  float out = 0;
  convert_elements(t.tensor, DType::f32, 0, 1, reinterpret_cast<std::byte*>(&out));
  EXPECT_EQ(out, 1 + 0x1p-23f);
}

TEST(SafetensorsWriter, StopsWhenTold) {
  const TempDir dir;
  const Owned<float> t("t", DType::f32, {1}, {1});
  const std::atomic<bool> stop{true};
  EXPECT_FALSE(write_safetensors(dir.file("f"), {{"t", &t.tensor, DType::f32}}, &stop));
}

}  // namespace
}  // namespace costeff::checkpoint
