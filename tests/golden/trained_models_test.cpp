// The trained models on the SST-2 dev set: label at every exit and exit layer at every threshold,
// row for row, as PyTorch computed them in float64.

#include <costeff/engine.h>
#include <costeff/exit_table.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/format.h"
#include "golden/golden_data.h"
#include "shared_data.h"

namespace costeff {
namespace {

using nlohmann::json;

std::vector<Example> sst2_dev() {
  std::ifstream in(shared_path("glue/SST-2/dev.tsv"));
  std::vector<Example> rows;
  std::string line;
  std::getline(in, line);  // header
  while (std::getline(in, line)) {
    Example e;
    e.text_a = line.substr(0, line.find('\t'));
    rows.push_back(std::move(e));
  }
  return rows;
}

// `model` computes; the truth is in `dir`. Every `every`th threshold is run; all of
// them are decided from the answers of the exits in exit_table_test.cpp.
void check_model(const std::string& model, const std::string& dir, size_t every) {
  const json results = read_json_file(dir + "/dev_results.json");
  const auto truth = read_json_lines(dir + "/dev_logits.jsonl");
  const Engine engine(model);
  RunOptions options;
  options.policy = ExitPolicy{};
  options.all_exits = true;
  options.encode.max_length = 128;
  const auto rows = sst2_dev();
  const auto all = engine.score(rows, options);
  ASSERT_EQ(all.size(), truth.size());
  std::vector<int64_t> correct(engine.info().exits.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const json& logits = truth[i].at("logits");
    ASSERT_EQ(all[i].exits.size(), logits.size());
    for (size_t e = 0; e < logits.size(); ++e) {
      const auto& mine = all[i].exits[e].logits;
      const auto label = std::max_element(mine.begin(), mine.end()) - mine.begin();
      const auto expected =
          std::max_element(logits[e].begin(), logits[e].end()) - logits[e].begin();
      ASSERT_EQ(label, expected) << "row " << i << ", exit " << e;
      correct[e] += label == truth[i].at("label").get<int64_t>();
      for (size_t c = 0; c < mine.size(); ++c)
        ASSERT_NEAR(mine[c], logits[e][c].get<double>(), 2e-5);
    }
  }
  for (size_t e = 0; e < correct.size(); ++e) {
    EXPECT_NEAR(static_cast<double>(correct[e]) / static_cast<double>(all.size()),
                results.at("accuracy_per_exit")[e].get<double>(), 1e-6);
  }
  options.all_exits = false;
  for (size_t at = 0; at < results.at("thresholds").size(); at += every) {
    const json& t = results.at("thresholds")[at];
    const double threshold = t.at("threshold");
    SCOPED_TRACE(fmt::format("threshold {}", threshold));
    options.policy->kind = PolicyKind::entropy;
    options.policy->thresholds = {threshold};
    std::vector<int64_t> histogram(engine.info().layers.size());
    int64_t right = 0;
    const auto answers = engine.score(rows, options);
    for (size_t i = 0; i < answers.size(); ++i) {
      // The layer that follows from the reference's own logits, row for row.
      const json& logits = truth[i].at("logits");
      int64_t layer = static_cast<int64_t>(logits.size());
      for (size_t e = 0; e + 1 < logits.size(); ++e) {
        double z = 0, h = 0;
        for (const json& v : logits[e]) z += std::exp(v.get<double>());
        for (const json& v : logits[e])
          h -= std::exp(v.get<double>()) / z * (v.get<double>() - std::log(z));
        if (h < threshold) {
          layer = static_cast<int64_t>(e) + 1;
          break;
        }
      }
      ASSERT_EQ(answers[i].exit_layer, layer) << "row " << i;
      ++histogram[static_cast<size_t>(answers[i].exit_layer - 1)];
      right += answers[i].label == truth[i].at("label").get<int64_t>();
    }
    EXPECT_EQ(histogram, t.at("exit_histogram").get<std::vector<int64_t>>());
    EXPECT_EQ(right, t.at("correct").get<int64_t>());
  }
}

TEST(TrainedModels, BundledSlender) { check_model(kBundledModel, bundled_path(""), 4); }

TEST(LargerTrainedModels, Slender) {
  COSTEFF_NEED_SHARED("models/sst2-slender");
  check_model(shared_path("models/sst2-slender"), shared_path("models/sst2-slender"), 4);
}

TEST(LargerTrainedModels, DeeBert) {
  COSTEFF_NEED_SHARED("models/sst2-deebert");
  check_model(shared_path("models/sst2-deebert"), shared_path("models/sst2-deebert"), 4);
}

struct Score {
  double accuracy, mean_exit_layer;
};

// Of `policy`, decided from the answers of every exit.
Score score_of(const ExitTable& table, const json& truth, const ExitPolicy& policy) {
  double right = 0, layers = 0;
  const std::vector<Decision> decisions = decide(table, policy);
  for (size_t i = 0; i < decisions.size(); ++i) {
    right += decisions[i].label == truth[i].at("label").get<int64_t>();
    layers += static_cast<double>(decisions[i].layer);
  }
  const auto n = static_cast<double>(decisions.size());
  return {right / n, layers / n};
}

ExitTable dev_table(const Engine& engine, const std::vector<Example>& rows) {
  RunOptions options;
  options.policy = ExitPolicy{};
  options.all_exits = true;
  options.encode.max_length = 128;
  ExitTable table;
  append(engine.score(rows, options), ProblemType::single_label, &table);
  return table;
}

// bfloat16 and int8 against float32, on the best instruction set and AVX2: accuracy at full depth
// within `points`, at S = 0.3 too; the mean exit layer there within 2%.
void check_small_precisions(const std::string& model, const std::string& dir, double points) {
  const auto rows = sst2_dev();
  const json truth = read_json_lines(dir + "/dev_logits.jsonl");
  const ExitPolicy early{.kind = PolicyKind::entropy, .thresholds = {0.3}};
  const Engine exact(model, {.isa = "", .compute = ComputeType::float32});
  const ExitTable exact_table = dev_table(exact, rows);
  const Score full = score_of(exact_table, truth, {}), at = score_of(exact_table, truth, early);
  const std::vector<std::string> isas = available_isas();
  for (const std::string& isa : isas) {
    if (isa != isas.front() && isa != "avx2") continue;
    for (ComputeType type : {ComputeType::bfloat16, ComputeType::int8}) {
      SCOPED_TRACE(isa + ", " + compute_type_name(type));
      const Engine engine(model, {.isa = isa, .compute = type});
      const ExitTable table = dev_table(engine, rows);
      const Score f = score_of(table, truth, {}), e = score_of(table, truth, early);
      EXPECT_NEAR(f.accuracy, full.accuracy, points);
      EXPECT_NEAR(e.accuracy, at.accuracy, points);
      EXPECT_NEAR(e.mean_exit_layer / at.mean_exit_layer, 1, 0.02);
    }
  }
}

TEST(TrainedModels, BundledInSmallPrecisions) {
  check_small_precisions(kBundledModel, bundled_path(""), 0.003);
}

// Rounding its weights to int8 by itself changes 3 of the 872 sentences at full depth.
TEST(LargerTrainedModels, DeeBertInSmallPrecisions) {
  COSTEFF_NEED_SHARED("models/sst2-deebert");
  check_small_precisions(shared_path("models/sst2-deebert"), shared_path("models/sst2-deebert"),
                         0.005);
}

TEST(TrainedModels, BundledPolicyIsEntropyBelow0Point4) {
  const Engine engine(kBundledModel);
  EXPECT_TRUE(engine.info().policy_from_model);
  EXPECT_EQ(engine.info().policy.kind, PolicyKind::entropy);
  EXPECT_EQ(engine.info().policy.thresholds, std::vector<double>{0.4});
  Example row;
  row.text_a = "a charming and often affecting journey .";
  const auto results = engine.score(std::vector<Example>{row});
  EXPECT_EQ(engine.info().labels.at(static_cast<size_t>(results[0].label)), "positive");
  EXPECT_LT(results[0].entropy, 0.4f);
}

}  // namespace
}  // namespace costeff
