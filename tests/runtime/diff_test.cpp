#include <costeff/convert.h>
#include <costeff/diff.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "tiny_checkpoint.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;

Source texts(int64_t count) {
  auto rows = std::make_shared<std::vector<std::string>>(tiny_texts(count, 3));
  auto next = std::make_shared<size_t>(0);
  return [=](Example& row, bool) {
    if (*next == rows->size()) return ReadStatus::end;
    row = Example{};
    row.text_a = (*rows)[(*next)++];
    return ReadStatus::row;
  };
}

struct Pair {
  TempDir dir;
  explicit Pair(const TinyShape& shape = {}) {
    for (const std::string& name : {a(), b()}) {
      fs::create_directory(name);
      write_tiny_checkpoint(name, shape);
    }
  }
  std::string a() const { return dir.file("a"); }
  std::string b() const { return dir.file("b"); }
  ModelDifference diff(int64_t rows = 7) const { return diff_checkpoints(a(), b(), texts(rows)); }
};

const TensorDifference& at(const ModelDifference& d, const std::string& name) {
  for (const TensorDifference& t : d.tensors) {
    if (t.name == name) return t;
  }
  throw std::runtime_error("no tensor " + name);
}

TEST(Diff, ACopyIsTheSame) {
  const Pair p;
  const ModelDifference d = p.diff(300);  // more than are scored at once
  EXPECT_TRUE(d.same(0));
  EXPECT_EQ(d.rows, 300);
  EXPECT_TRUE(d.settings.empty());
  ASSERT_EQ(d.exits.size(), 4u);
  for (const ExitDifference& e : d.exits) EXPECT_EQ(e.max_difference, 0);
  for (const TensorDifference& t : d.tensors) EXPECT_TRUE(t.same_bits) << t.name;
}

TEST(Diff, FindsTheWeightThatDiffers) {
  const Pair p;
  TinyTensors tensors = tiny_tensors(TinyShape{});
  float& weight = tensors["bert.encoder.highway.1.classifier.bias"].values[2];
  const float was = weight;
  weight += 0.25f;
  write_safetensors(p.b() + "/model.safetensors", tensors);
  const ModelDifference d = p.diff();
  EXPECT_FALSE(d.same(0));
  EXPECT_FALSE(d.same(0.2));
  EXPECT_TRUE(d.same(0.26));
  for (const TensorDifference& t : d.tensors) {
    const bool changed = t.name == "bert.encoder.highway.1.classifier.bias";
    EXPECT_EQ(t.same_bits, !changed) << t.name;
    EXPECT_EQ(t.max_difference,
              changed ? static_cast<double>(weight) - static_cast<double>(was) : 0)
        << t.name;
  }
  // The bias of one exit: only its logits move, and by that much.
  for (const ExitDifference& e : d.exits) {
    EXPECT_NEAR(e.max_difference, e.layer == 2 ? 0.25 : 0, 1e-6);
    EXPECT_TRUE(e.layer == 2 || e.label_disagreements == 0);
  }
}

TEST(Diff, CountsOtherLabels) {
  const Pair p;
  TinyTensors tensors = tiny_tensors(TinyShape{});
  tensors["classifier.bias"].values = {1000, 0, 0};
  write_safetensors(p.a() + "/model.safetensors", tensors);
  tensors["classifier.bias"].values = {0, 0, 1000};
  write_safetensors(p.b() + "/model.safetensors", tensors);
  const ModelDifference d = p.diff(9);
  EXPECT_EQ(d.exits.back().label_disagreements, 9);
  EXPECT_NEAR(d.exits.back().max_difference, 1000, 1e-3);
  EXPECT_EQ(d.exits.front().label_disagreements, 0);
}

TEST(Diff, TensorsAndExitsOnOneSideOnly) {
  const Pair p;
  fs::remove_all(p.b());
  ConvertOptions o;
  o.exits = {1};
  ASSERT_TRUE(convert_checkpoint(p.a(), p.b(), o));
  const ModelDifference d = p.diff();
  EXPECT_FALSE(d.same(1e9));
  const TensorDifference& gone = at(d, "bert.encoder.highway.1.classifier.weight");
  EXPECT_TRUE(gone.a.has_value());
  EXPECT_FALSE(gone.b.has_value());
  EXPECT_EQ(gone.a->shape, (std::vector<int64_t>{3, 24}));
  ASSERT_EQ(d.exits.size(), 4u);
  EXPECT_TRUE(d.exits[0].in_a && d.exits[0].in_b);
  EXPECT_TRUE(d.exits[1].in_a && !d.exits[1].in_b);
  EXPECT_EQ(d.exits[3].max_difference, 0);
}

TEST(Diff, ShapesAndSettings) {
  const Pair p({.dialect = "plain", .ffn = {20}});
  TinyShape other{.dialect = "plain", .ffn = {21}};
  write_tiny_checkpoint(p.b(), other);
  std::string config = tiny_config(other);
  config.replace(config.find("1e-12"), 5, "1e-05");
  config.replace(config.find("\"gelu\""), 6, "\"relu\"");
  write_file(p.b() + "/config.json", config);
  write_file(p.b() + "/exit_policy.json", R"({"policy": "never"})");
  const ModelDifference d = p.diff();
  const TensorDifference& t = at(d, "bert.encoder.layer.0.intermediate.dense.weight");
  EXPECT_EQ(t.a->shape, (std::vector<int64_t>{20, 24}));
  EXPECT_EQ(t.b->shape, (std::vector<int64_t>{21, 24}));
  EXPECT_FALSE(t.same_bits);
  ASSERT_EQ(d.settings.size(), 3u);
  EXPECT_EQ(d.settings[0].name, "activation");
  EXPECT_EQ(d.settings[0].b, "relu");
  EXPECT_EQ(d.settings[1].name, "layer_norm_eps");
  EXPECT_EQ(d.settings[2].a, "none");
  EXPECT_EQ(d.settings[2].b, R"({"policy":"never"})");
  EXPECT_FALSE(d.same(1e9));
}

// Other dtypes with the same numbers are the same; rounding is a difference within a tolerance.
TEST(Diff, Dtypes) {
  const Pair p;
  fs::remove_all(p.b());
  ASSERT_TRUE(convert_checkpoint(p.a(), p.b(), {.dtype = StoredType::float16}));
  EXPECT_FALSE(p.diff().same(0));
  EXPECT_TRUE(p.diff().same(0.1));
  fs::remove_all(p.a());
  ASSERT_TRUE(convert_checkpoint(p.b(), p.a(), {.dtype = StoredType::float32}));
  const ModelDifference d = p.diff();
  EXPECT_TRUE(d.same(0));
  EXPECT_EQ(d.tensors.front().a->dtype, "F32");
  EXPECT_EQ(d.tensors.front().b->dtype, "F16");
}

TEST(Diff, OneNumberThatIsNone) {
  const Pair p;
  TinyTensors tensors = tiny_tensors(TinyShape{});
  tensors["bert.embeddings.word_embeddings.weight"].values[24 * 104] =
      std::numeric_limits<float>::quiet_NaN();
  write_safetensors(p.b() + "/model.safetensors", tensors);
  const ModelDifference d = diff_checkpoints(p.a(), p.b(), texts(0));
  EXPECT_TRUE(std::isinf(at(d, "bert.embeddings.word_embeddings.weight").max_difference));
  EXPECT_FALSE(d.same(1e9));
  EXPECT_EQ(d.rows, 0);
}

}  // namespace
}  // namespace costeff
