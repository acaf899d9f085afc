// One model in every container: the values are exact in float16 and bfloat16, so all of them give
// the same floats.

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/container_bytes.h"
#include "checkpoint/containers/weights.h"
#include "shared_data.h"

namespace costeff::checkpoint {
namespace {

namespace fs = std::filesystem;

TEST(GoldenContainers, SameTensorsBitForBit) {
  COSTEFF_NEED_SHARED("golden/container_safetensors_f32");
  const TensorSet base = read_weights(shared_path("golden/container_safetensors_f32"));
  ASSERT_GT(base.tensors.size(), 30u);
  int count = 0;
  for (const auto& entry : fs::directory_iterator(shared_path("golden"))) {
    if (!entry.path().filename().string().starts_with("container_")) continue;
    SCOPED_TRACE(entry.path().filename().string());
    ++count;
    const TensorSet set = read_weights(entry.path().string());
    if (set.check_bytes) set.check_bytes(set);
    for (const Tensor& b : base.tensors) {
      const Tensor* t = set.find(b.name);
      ASSERT_NE(t, nullptr) << b.name;
      EXPECT_EQ(t->shape, b.shape) << b.name;
      EXPECT_EQ(is_weight_dtype(t->dtype), is_weight_dtype(b.dtype)) << b.name;
      if (!is_weight_dtype(b.dtype)) continue;
      const std::vector<float> expected = test::floats(b), found = test::floats(*t);
      EXPECT_EQ(std::memcmp(expected.data(), found.data(), expected.size() * sizeof(float)), 0)
          << b.name;
    }
  }
  EXPECT_GE(count, 13);
}

TEST(GoldenContainers, EveryWeightFileIsRead) {
  COSTEFF_NEED_SHARED("golden");
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(shared_path("golden"))) {
    const fs::path& path = entry.path();
    SCOPED_TRACE(path.string());
    if (path.extension() == ".safetensors") {
      EXPECT_FALSE(read_safetensors(path.string()).tensors.empty());
      ++count;
    } else if (path.extension() == ".bin" || path.extension() == ".pt") {
      const TensorSet set = read_torch(path.string());
      if (set.check_bytes) set.check_bytes(set);
      ++count;
    }
  }
  EXPECT_GE(count, 35);
}

// CoFi's masks are a dict of tensors that torch.save wrote.
TEST(GoldenContainers, MasksOfCofi) {
  COSTEFF_NEED_SHARED("golden/cofi_zs/zs.pt");
  const TensorSet masks = read_torch(shared_path("golden/cofi_zs/zs.pt"));
  ASSERT_NE(masks.find("head_z"), nullptr);
  EXPECT_EQ(masks.find("head_z")->shape, (std::vector<int64_t>{6, 1, 4, 1, 1}));
  ASSERT_NE(masks.find("intermediate_z"), nullptr);
  EXPECT_EQ(masks.find("intermediate_z")->shape, (std::vector<int64_t>{6, 1, 1, 96}));
  for (const Tensor& t : masks.tensors) {
    EXPECT_EQ(t.dtype, DType::f32) << t.name;
    for (float z : test::floats(t)) {
      EXPECT_GE(z, 0.0f) << t.name;
      EXPECT_LE(z, 1.0f) << t.name;
    }
  }
}

}  // namespace
}  // namespace costeff::checkpoint
