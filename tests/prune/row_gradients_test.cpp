// Gradients of masks on rows with and without answers, of classes and of scores.

#include "prune/session/row_gradients.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint.h"
#include "tiny_checkpoint.h"

namespace costeff::prune {
namespace {

struct Tiny {
  model::Model model;
  std::unique_ptr<grad::TrainedWeights> weights;

  explicit Tiny(TinyShape shape, bool regression = false) {
    if (regression) shape.labels = 1;
    const TempDir dir;
    write_tiny_checkpoint(dir.path(), shape);
    if (regression) {
      auto config = nlohmann::json::parse(tiny_config(shape));
      config["problem_type"] = "regression";
      write_file(dir.file("config.json"), config.dump());
    }
    model = checkpoint::load_model(dir.path());
    weights = std::make_unique<grad::TrainedWeights>(&model, *kernels::find_table(""),
                                                     kernels::Precision::float32);
  }
};

std::vector<train::Row> some_rows() {
  std::vector<train::Row> rows(70);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t t = 0; t < 2 + i % 7; ++t)
      rows[i].ids.push_back(static_cast<int32_t>(5 + (i * 13 + t * 31) % 90));
    rows[i].label = static_cast<int32_t>(i % 3);
    rows[i].score = static_cast<float>(i % 5);
  }
  return rows;
}

RowGradients gradients(Tiny* tiny, std::optional<uint64_t> seed, int64_t threads = 1) {
  const std::vector<train::Row> rows = some_rows();
  Team team(threads);
  return *gradients_of_rows(tiny->weights.get(), rows, seed, &team, nullptr, nullptr);
}

double largest(const RowGradients& g) {
  double most = 0;
  for (const MaskGradients& layer : g.layers) {
    if (layer.heads.size() > 0) most = std::max(most, layer.heads.cwiseAbs().maxCoeff());
    if (layer.neurons.size() > 0) most = std::max(most, layer.neurons.cwiseAbs().maxCoeff());
  }
  return most;
}

bool same(const RowGradients& a, const RowGradients& b) {
  for (size_t l = 0; l < a.layers.size(); ++l) {
    if (a.layers[l].heads != b.layers[l].heads || a.layers[l].neurons != b.layers[l].neurons)
      return false;
  }
  return true;
}

TEST(RowGradients, OfClassesAndOfScores) {
  std::vector<TinyShape> shapes = tiny_empty_shapes();
  shapes.resize(2);  // the third has no units at all
  shapes.push_back({.dialect = "plain", .heads = {6}, .ffn = {96}});
  for (const TinyShape& shape : shapes) {
    for (const bool regression : {false, true}) {
      SCOPED_TRACE(tiny_config(shape) + (regression ? " regression" : ""));
      Tiny tiny(shape, regression);
      ASSERT_EQ(is_regression(tiny.model.arch), regression);
      const RowGradients gold = gradients(&tiny, std::nullopt), drawn = gradients(&tiny, 3);
      EXPECT_EQ(gold.layers.size(), 4u);
      for (size_t l = 0; l < 4; ++l) {
        EXPECT_EQ(gold.layers[l].neurons.rows(), tiny.model.arch.layers[l].ffn->in.out);
        EXPECT_EQ(gold.layers[l].neurons.cols(), 3);  // 32, 32 and 6 rows
      }
      EXPECT_GT(largest(gold), 1e-6);
      EXPECT_GT(largest(drawn), 1e-6);
      EXPECT_FALSE(same(gold, drawn));
      EXPECT_TRUE(same(drawn, gradients(&tiny, 3, 3)));
      EXPECT_FALSE(same(drawn, gradients(&tiny, 4)));
    }
  }
}

}  // namespace
}  // namespace costeff::prune
