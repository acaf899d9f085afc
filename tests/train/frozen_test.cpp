// Parts that are not trained are the same bytes afterwards, and others are not.

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "toy.h"

namespace costeff {
namespace {

// The bytes of a model's tensors, by name.
std::map<std::string, std::string> tensors_of(const std::string& dir) {
  const std::string file = read_whole_file(dir + "/model.safetensors");
  uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof size);
  std::map<std::string, std::string> tensors;
  const auto header = nlohmann::json::parse(file.substr(8, size));
  for (const auto& [name, about] : header.items()) {
    if (name == "__metadata__") continue;
    const size_t begin = about["data_offsets"][0], end = about["data_offsets"][1];
    tensors[name] = file.substr(8 + size + begin, end - begin);
  }
  return tensors;
}

using IsFrozen = std::function<bool(const std::string&)>;

// Of the tensors that both models have. Returns how many have changed.
int64_t expect_frozen(const std::string& before, const std::string& after,
                      const IsFrozen& is_frozen) {
  const auto old = tensors_of(before), now = tensors_of(after);
  int64_t frozen = 0, changed = 0;
  for (const auto& [name, bytes] : old) {
    const auto found = now.find(name);
    if (found == now.end()) continue;
    if (is_frozen(name)) {
      ++frozen;
      EXPECT_TRUE(found->second == bytes) << name << " has changed";
    } else if (!contains(name, "key.bias")) {  // its gradient is 0
      ++changed;
      EXPECT_FALSE(found->second == bytes) << name << " is as it was";
    }
  }
  EXPECT_GT(frozen, 0);
  return changed;
}

bool is_of_layer(const std::string& name, int64_t layer) {
  return contains(name, "encoder.layer." + std::to_string(layer - 1) + ".");
}

TEST(TrainFrozen, PartsThatFlagsNameStay) {
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  Job job = toy_job(backbone.path(), "plain");
  job.options.freeze_embeddings = true;
  job.options.freeze_layers = {1, 2, 3};
  ASSERT_TRUE(run(job, dir.file("lower")));
  const auto lower = [](const std::string& name) {
    return contains(name, "embeddings.") || is_of_layer(name, 1) || is_of_layer(name, 2) ||
           is_of_layer(name, 3);
  };
  // Layer 4, the pooler and the classifier.
  EXPECT_EQ(expect_frozen(backbone.path(), dir.file("lower"), lower), 15 + 2 + 2);

  // A gradient passes a frozen layer.
  job.options.recipe = "joint";
  job.options.freeze_embeddings = false;
  job.options.freeze_layers = {2};
  job.options.compute = ComputeType::bfloat16;
  ASSERT_TRUE(run(job, dir.file("middle")));
  EXPECT_GT(expect_frozen(backbone.path(), dir.file("middle"),
                          [](const std::string& name) { return is_of_layer(name, 2); }),
            3 * 15);
}

TEST(TrainFrozen, RampsLeaveTheModel) {
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  ASSERT_TRUE(run(toy_job(backbone.path(), "ramps"), dir.file("out")));
  expect_frozen(backbone.path(), dir.file("out"), [](const std::string&) { return true; });
  EXPECT_GT(tensors_of(dir.file("out")).size(), tensors_of(backbone.path()).size());
  // One that has off-ramps gets new ones.
  const TempDir early;
  write_tiny_checkpoint(early.path(), toy_shape("deebert"));
  Job job = toy_job(early.path(), "ramps");
  job.options.dialect = "deebert";
  ASSERT_TRUE(run(job, dir.file("again")));
  EXPECT_EQ(expect_frozen(early.path(), dir.file("again"),
                          [](const std::string& name) { return !contains(name, "highway"); }),
            3 * 4);
}

// DeeBERT's second stage computes the backbone's gradients, for the norm, and does not use them.
TEST(TrainFrozen, TheSecondStageOfDeebertLeavesTheFirst) {
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  Job job = toy_job(backbone.path(), "deebert");
  Judge judge;
  job.options.metric = judge.metric();
  const std::string out = dir.file("out");
  std::atomic<bool> stop{false};
  TrainObserver observer;
  observer.step = [&](const TrainStep& s) { stop = s.stage == 1; };
  ASSERT_FALSE(run(job, out, observer, &stop));
  const std::string first = dir.file("first");
  std::filesystem::rename(out + ".training/best-0-8", first);
  std::filesystem::create_directory(out + ".training/best-0-8");
  job.options.resume = true;
  ASSERT_TRUE(run(job, out));
  EXPECT_EQ(
      expect_frozen(first, out, [](const std::string& name) { return !contains(name, "highway"); }),
      3 * 4);
  EXPECT_NE(tensors_of(first)["bert.pooler.dense.weight"],
            tensors_of(backbone.path())["bert.pooler.dense.weight"]);
}

}  // namespace
}  // namespace costeff
