// Every recipe on every family of encoders: a few steps, a model that answers as it was judged.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "checkpoint/containers/weights.h"
#include "golden/golden_directories.h"
#include "shared_data.h"
#include "toy.h"

namespace costeff {
namespace {

const char* const kFamilies[] = {"plain_bert", "plain_roberta", "distilbert", "elasticbert_static",
                                 "electra",    "albert",        "ernie",      "data2vec"};

std::string family_path(const std::string& name) { return shared_path("golden/" + name); }

std::vector<std::vector<float>> last_logits(const std::vector<Result>& results) {
  std::vector<std::vector<float>> all;
  for (const Result& r : results) all.push_back(r.exits.back().logits);
  return all;
}

TEST(TrainRecipes, EveryRecipeOnEveryFamily) {
  const TempDir dir;
  for (const char* family : kFamilies) {
    const std::string backbone = family_path(family);
    const BackboneInfo info = inspect_backbone(backbone);
    ASSERT_GT(info.num_labels, 1) << family;
    for (const Recipe& recipe : recipes()) {
      SCOPED_TRACE(std::string(family) + " " + std::string(recipe.name));
      Job job = toy_job(backbone, std::string(recipe.name), info.num_labels);
      if (!info.labels.empty()) job.options.labels = info.labels;
      if (recipe.needs_teacher) job.options.teacher = backbone;
      job.options.batch = 13;
      job.options.epochs = 1;
      job.options.eval_every = 1;
      Judge judge;
      job.options.metric = judge.metric();
      const std::string out = dir.file(std::string(family) + "-" + std::string(recipe.name));
      const auto result = run(job, out);
      ASSERT_TRUE(result.has_value());
      EXPECT_EQ(result->best + 1, static_cast<int64_t>(result->evaluations.size()));
      for (const TrainEvaluation& e : result->evaluations)
        EXPECT_TRUE(e.train_loss > 0 && std::isfinite(e.train_loss)) << e.train_loss;

      const Engine engine(out);
      EXPECT_EQ(engine.info().dialect, result->dialect);
      EXPECT_EQ(static_cast<int64_t>(engine.info().exits.size()),
                recipe.early_exits ? info.layers : 1);
      EXPECT_EQ(engine.info().labels, job.options.labels);
      EXPECT_EQ(all_logits(answers(out, job.dev)), judge.logits);
      const auto before = last_logits(answers(backbone, job.dev));
      if (recipe.name == "ramps") {
        EXPECT_EQ(last_logits(answers(out, job.dev)), before);
      } else {
        EXPECT_NE(last_logits(answers(out, job.dev)), before);
      }
    }
  }
}

// Biases and LayerNorms of sublayers without units are trained; off-ramps stand on them.
TEST(TrainRecipes, OnSublayersWithoutUnits) {
  TinyShape shape = toy_shape();
  shape.heads = {4, 0, 3, 0};
  shape.ffn = {0, 24, 0, 0};
  const TempDir dir;
  const std::string backbone = dir.file("backbone");
  std::filesystem::create_directory(backbone);
  write_tiny_checkpoint(backbone, shape);
  for (const char* recipe : {"plain", "ramps", "joint"}) {
    SCOPED_TRACE(recipe);
    Job job = toy_job(backbone, recipe);
    Judge judge;
    job.options.metric = judge.metric();
    const std::string out = dir.file(recipe);
    const auto result = run(job, out);
    ASSERT_TRUE(result.has_value());
    const bool early = find_recipe(recipe).early_exits;
    EXPECT_EQ(result->dialect, early ? "costeff-cofi-compact" : "cofi-compact");
    const Engine engine(out);
    const ModelInfo& info = engine.info();
    for (size_t i = 0; i < info.layers.size(); ++i) {
      EXPECT_EQ(info.layers[i].heads, shape.heads[i]);
      EXPECT_EQ(info.layers[i].ffn_size, shape.ffn[i]);
    }
    EXPECT_EQ(all_logits(answers(out, job.dev)), judge.logits);
    const auto before = last_logits(answers(backbone, job.dev));
    if (std::string_view(recipe) == "ramps") {
      EXPECT_EQ(last_logits(answers(out, job.dev)), before);
      continue;
    }
    EXPECT_NE(last_logits(answers(out, job.dev)), before);
    // The parts of a layer that has nothing else.
    const TensorSet was = checkpoint::read_safetensors(backbone + "/model.safetensors"),
                    is = checkpoint::read_safetensors(out + "/model.safetensors");
    for (const char* name : {"attention.output.dense.bias", "attention.output.LayerNorm.weight",
                             "output.dense.bias", "output.LayerNorm.bias"}) {
      const std::string full = std::string("bert.encoder.layer.3.") + name;
      const Tensor *a = was.find(full), *b = is.find(full);
      ASSERT_TRUE(a && b) << full;
      EXPECT_NE(std::memcmp(a->data, b->data, static_cast<size_t>(a->bytes())), 0) << full;
    }
  }
}

TEST(TrainRecipes, EveryRecipeOnScores) {
  const TempDir dir;
  const std::string backbone = family_path("plain_bert_stsb");
  for (const Recipe& recipe : recipes()) {
    SCOPED_TRACE(recipe.name);
    Job job = toy_job(backbone, std::string(recipe.name), 5);
    job.options.labels.clear();
    job.options.problem = ProblemType::regression;
    job.options.epochs = 0.5;
    if (recipe.needs_teacher) job.options.teacher = backbone;
    Judge judge;
    job.options.metric = judge.metric();
    const std::string out = dir.file(std::string(recipe.name));
    ASSERT_TRUE(run(job, out).has_value());
    EXPECT_TRUE(is_regression(Engine(out).info()));
    EXPECT_EQ(all_logits(answers(out, job.dev)), judge.logits);
  }
}

// Whatever the engine opens, slender, factorised, with exits of any dialect, can be trained and given
// off-ramps, or the reason is told.
TEST(TrainRecipes, EveryModelThereIs) {
  const TempDir dir;
  for (const std::string& name : directories()) {
    if (name.starts_with("container_")) continue;  // one model in many containers
    const std::string backbone = family_path(name);
    const ModelInfo info = Engine(backbone).info();
    for (const char* recipe : {"plain", "ramps", "joint"}) {
      SCOPED_TRACE(name + " " + recipe);
      Job job = toy_job(backbone, recipe, is_regression(info) ? 2 : info.num_labels);
      job.options.problem = info.problem;
      job.options.labels = is_regression(info) ? std::vector<std::string>() : info.labels;
      job.options.epochs = 0.25;
      Judge judge;
      job.options.metric = judge.metric();
      const std::string out = dir.file(name + recipe);
      if (info.question_answering) {
        EXPECT_TRUE(contains(error_message(ErrorKind::model, [&] { run(job, out); }), "questions"));
        continue;
      }
      ASSERT_TRUE(run(job, out).has_value());
      EXPECT_EQ(all_logits(answers(out, job.dev)), judge.logits);
      if (std::string(recipe) == "ramps") {
        EXPECT_EQ(last_logits(answers(out, job.dev)), last_logits(answers(backbone, job.dev)));
      }
    }
  }
}

TEST(TrainRecipes, Learns) {
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  for (const char* recipe : {"plain", "joint"}) {
    SCOPED_TRACE(recipe);
    Job job = toy_job(backbone.path(), recipe);
    job.train = toy_rows(160, 2, 1);
    job.dev = toy_rows(80, 2, 2);
    job.options.epochs = 16;
    job.options.batch = 16;
    job.options.learning_rate = 5e-3;
    job.options.dropout = job.options.attention_dropout = 0;
    job.options.eval_every = 20;
    const auto result = run(job, dir.file(recipe));
    ASSERT_TRUE(result.has_value());
    const auto& e = result->evaluations;
    EXPECT_LT(e.back().train_loss, 0.25 * e.front().train_loss);
    EXPECT_GE(e[static_cast<size_t>(result->best)].metric.back(), 0.95);
    // The model that was written is the best one.
    int64_t right = 0;
    const auto results = answers(dir.file(recipe), job.dev);
    for (size_t i = 0; i < results.size(); ++i) right += results[i].label == job.dev[i].label;
    EXPECT_EQ(static_cast<double>(right) / static_cast<double>(results.size()),
              e[static_cast<size_t>(result->best)].metric.back());
  }
}

// DistilBERT's classifier has a dropout of its own, which config.json may change.
TEST(TrainRecipes, DistilBertsOwnDropout) {
  const TempDir dir;
  const std::string config = read_whole_file(family_path("distilbert") + "/config.json");
  const std::string key = "\"seq_classif_dropout\": ";
  const size_t at = config.find(key + "0.2");
  ASSERT_NE(at, std::string::npos);
  std::map<std::string, std::map<std::string, std::string>> trained;
  for (const std::string value : {"0.2", "0.6", "0", "null", "7"}) {
    const std::string backbone = dir.file("backbone" + value), out = dir.file("out" + value);
    std::filesystem::copy(family_path("distilbert"), backbone);
    std::string changed = config;
    changed.replace(at, key.size() + 3, key + value);
    write_file(backbone + "/config.json", changed);
    Job job = toy_job(backbone, "plain");
    job.options.epochs = 0.5;
    ASSERT_TRUE(run(job, out).has_value());
    trained[value] = model_files(out);
    EXPECT_EQ(contains(trained[value]["config.json"], key + "0.6"), value == "0.6");
  }
  EXPECT_NE(trained["0.6"]["model.safetensors"], trained["0.2"]["model.safetensors"]);
  EXPECT_NE(trained["0"]["model.safetensors"], trained["0.2"]["model.safetensors"]);
  // What is no probability is ignored.
  EXPECT_EQ(trained["null"], trained["0.2"]);
  EXPECT_EQ(trained["7"], trained["0.2"]);
}

TEST(TrainRecipes, LearnsScores) {
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  Job job = toy_job(backbone.path(), "plain");
  job.options.labels.clear();
  job.options.problem = ProblemType::regression;
  job.train = toy_rows(160, 2, 1);
  job.options.epochs = 12;
  job.options.learning_rate = 5e-3;
  const auto result = run(job, dir.file("out"));
  ASSERT_TRUE(result.has_value());
  EXPECT_GE(result->evaluations[static_cast<size_t>(result->best)].metric[0], -0.1);
  const Engine engine(dir.file("out"));
  EXPECT_TRUE(is_regression(engine.info()));
}

TEST(TrainRecipes, SomeExits) {
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  const struct {
    std::vector<int64_t> asked, has;
  } cases[] = {{{2}, {2, 4}}, {{1, 3}, {1, 3, 4}}, {{3, 4}, {3, 4}}, {{1, 2, 3, 4}, {1, 2, 3, 4}}};
  for (const char* recipe : {"ramps", "deebert", "weighted", "berxit", "assistant"}) {
    for (const auto& c : cases) {
      SCOPED_TRACE(std::string(recipe) + " " + std::to_string(c.asked.front()));
      Job job = toy_job(backbone.path(), recipe);
      job.options.exits = c.asked;
      job.options.epochs = 0.5;
      if (find_recipe(recipe).needs_teacher) job.options.teacher = backbone.path();
      const std::string out = dir.file(recipe + std::to_string(&c - cases));
      const auto result = run(job, out);
      ASSERT_TRUE(result.has_value());
      std::vector<int64_t> layers;
      const Engine engine(out);
      for (const ExitInfo& exit : engine.info().exits) layers.push_back(exit.layer);
      EXPECT_EQ(layers, c.has);
      EXPECT_EQ(result->evaluations.back().metric.size(), c.has.size());
    }
  }
}

}  // namespace
}  // namespace costeff
