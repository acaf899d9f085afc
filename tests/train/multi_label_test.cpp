// Models whose rows have any number of labels: losses against PyTorch, training, slenderising, and the
// answers under every policy.

#include <costeff/exit_table.h>
#include <costeff/slenderize.h>

#include "toy.h"
#include "train/losses.h"

namespace costeff {
namespace {

using train::Gold;

// z, y and numbers of torch.nn.BCEWithLogitsLoss (torch 2.6), which is a mean over rows and labels.
const std::vector<float> kLogits{0.5f, -2.0f, 3.0f, -0.25f, 0.0f, -30.0f}, kSets{1, 0, 1, 0, 1, 1};

struct LossCase {
  std::vector<double> weights;
  double loss;
  std::vector<float> gradient;
};

TEST(SetLosses, AsPyTorch) {
  const LossCase cases[] = {
      {{},
       5.319779872894287,
       {-0.06292343884706497f, 0.019867153838276863f, -0.007904310710728168f, 0.07297058403491974f,
        -0.0833333358168602f, -0.1666666716337204f}},
      {{1, 2.5, 0.5},
       2.9890177249908447,
       {-0.06292343884706497f, 0.019867153838276863f, -0.003952155355364084f, 0.07297058403491974f,
        -0.2083333283662796f, -0.0833333358168602f}},
  };
  for (const LossCase& c : cases) {
    const Gold gold{.sets = kSets, .pos_weights = c.weights};
    std::vector<float> d(6, 0.0f);
    double sum = 0;
    train::hard_loss(kLogits.data(), gold, 2, 3, {1, 2}, d.data(), &sum);
    EXPECT_NEAR(sum / 2, c.loss, 1e-6);
    for (size_t i = 0; i < d.size(); ++i) EXPECT_NEAR(d[i], c.gradient[i], 1e-8);
  }
}

TEST(SetLosses, DistilledAsPyTorch) {
  const std::vector<float> teacher{1.0f, -1.0f, 0.3f, 2.0f, -0.5f, 0.25f};
  const float wanted[] = {-0.005023568868637085f, -0.009049937129020691f, 0.02334538660943508f,
                          -0.021855665370821953f, 0.005181374493986368f,  -0.044267427176237106f};
  std::vector<float> d(6, 0.0f), same(6, 0.0f);
  double cross = 0, divergence = 0, none = 0;
  train::soft_loss(kLogits.data(), teacher.data(), 2, 3, 2, {1, 2}, d.data(), &cross, true);
  EXPECT_NEAR(cross / 2, 1.9402774572372437, 1e-6);
  for (size_t i = 0; i < d.size(); ++i) EXPECT_NEAR(d[i], wanted[i], 1e-8);
  train::divergence_loss(kLogits.data(), teacher.data(), 2, 3, 2, {1, 2}, same.data(), &divergence,
                         true);
  EXPECT_NEAR(divergence / 2, 1.9402774572372437 - 0.6624721884727478, 1e-6);
  EXPECT_EQ(same, d);
  train::divergence_loss(teacher.data(), teacher.data(), 2, 3, 2, {1, 2}, same.data(), &none, true);
  EXPECT_EQ(none, 0.0);
}

TEST(SetLosses, LearningToExitAsksForAllLabels) {
  const std::vector<float> logits{1, -1, 1, 1}, sets{1, 0, 1, 0}, uncertain{0, 0};
  double sum = 0;
  train::lte_loss(uncertain.data(), logits.data(), {.sets = sets}, 2, 2, {1, 1}, nullptr, &sum);
  EXPECT_EQ(sum, 1.0);  // the second row has a label too many
}

// The labels of a row are the words w0, w1 and w2 that it has.
std::vector<TrainRow> set_rows(int64_t count, uint64_t seed) {
  std::vector<TrainRow> rows = toy_rows(count, 1, seed);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].example.text_a = "w50";
    for (int32_t l = 0; l < 3; ++l) {
      if ((i >> l) % 2 == 0) continue;
      rows[i].labels.push_back(l);
      rows[i].example.text_a += " w" + std::to_string(l);
    }
  }
  return rows;
}

Job set_job(const std::string& backbone, const std::string& recipe) {
  Job job = toy_job(backbone, recipe, 3);
  job.options.problem = ProblemType::multi_label;
  job.train = set_rows(64, 1);
  job.dev = set_rows(16, 2);
  return job;
}

TEST(MultiLabel, EveryRecipe) {
  const TempDir dir, tiny;
  write_tiny_checkpoint(tiny.path(), toy_shape());
  const std::string backbone = tiny.path(), teacher = dir.file("teacher");
  ASSERT_TRUE(run(set_job(backbone, "joint"), teacher).has_value());
  for (const Recipe& recipe : recipes()) {
    SCOPED_TRACE(recipe.name);
    Job job = set_job(recipe.name == "ramps" ? teacher : backbone, std::string(recipe.name));
    job.options.epochs = 0.5;
    if (recipe.needs_teacher) job.options.teacher = teacher;
    const std::string out = dir.file(std::string(recipe.name));
    ASSERT_TRUE(run(job, out).has_value());
    const Engine engine(out);
    EXPECT_TRUE(is_multi_label(engine.info()));
    EXPECT_EQ(engine.info().labels, job.options.labels);
    // A run goes on the same way with another number of threads.
    job.options.threads = 2;
    const std::string again = dir.file(std::string(recipe.name) + "-2");
    ASSERT_TRUE(run(job, again).has_value());
    expect_same_files(again, out);
  }
}

TEST(MultiLabel, LearnsAndAnswersAlikeUnderEveryPolicy) {
  const TempDir dir, tiny;
  write_tiny_checkpoint(tiny.path(), toy_shape());
  Job job = set_job(tiny.path(), "joint");
  job.options.epochs = 40;
  job.options.learning_rate = 3e-3;
  const auto result = run(job, dir.file("out"));
  ASSERT_TRUE(result.has_value());
  const Engine engine(dir.file("out"));
  std::vector<Example> examples;
  for (const TrainRow& row : job.dev) examples.push_back(row.example);
  RunOptions all;
  all.all_exits = true;
  all.policy = ExitPolicy{};
  const std::vector<double> thresholds[] = {{}, {0.3}, {0.2, 0.5, 0.9}};
  for (const std::vector<double>& limits : thresholds) {
    all.label_thresholds = limits;
    ExitTable table;
    table.label_thresholds = limits;
    append(engine.score(examples, all), ProblemType::multi_label, &table);
    int64_t right = 0, early = 0;
    std::vector<ExitPolicy> policies(5);
    policies[1] = {.kind = PolicyKind::entropy, .thresholds = {0.4}};
    policies[2] = {.kind = PolicyKind::max_prob, .thresholds = {0.8}};
    policies[3] = {.kind = PolicyKind::margin, .thresholds = {0.3}};
    policies[4] = {.kind = PolicyKind::patience, .thresholds = {}, .patience = 1};
    for (const ExitPolicy& policy : policies) {
      RunOptions options;
      options.policy = policy;
      options.label_thresholds = limits;
      const std::vector<Result> results = engine.score(examples, options);
      const std::vector<Decision> decisions = decide(table, policy);
      for (size_t i = 0; i < results.size(); ++i) {
        const auto number = static_cast<int32_t>(decisions[i].label);
        EXPECT_EQ(results[i].labels, table.label_sets.at(number)) << i;
        EXPECT_EQ(results[i].exit_layer, decisions[i].layer) << i;
        EXPECT_EQ(results[i].prob, decisions[i].prob);
        EXPECT_EQ(results[i].entropy, decisions[i].entropy);
        right += results[i].labels == job.dev[i].labels;
        early += results[i].exit_layer < 4;
      }
    }
    EXPECT_GT(early, 0);
    EXPECT_GT(right, limits.empty() ? 50 : 0) << "of 80, by chance 10";
  }
}

TEST(MultiLabel, WhatIsRefused) {
  const TempDir dir, tiny;
  write_tiny_checkpoint(tiny.path(), toy_shape());
  struct Refusal {
    std::function<void(Job*)> change;
    ErrorKind kind;
    const char* message;
  };
  const Refusal cases[] = {
      {[](Job* j) {
         j->options.class_weights = {1, 1, 1};
       },
       ErrorKind::usage, "class weights, and multi-label rows"},
      {[](Job* j) { j->options.label_smoothing = 0.1; }, ErrorKind::usage, "label smoothing, and"},
      {[](Job* j) { j->options.pos_weights = {1}; }, ErrorKind::usage,
       "1 weights of present labels, expected 3"},
      {[](Job* j) {
         j->options.pos_weights = {1, 0, 1};
       },
       ErrorKind::usage, "weight of a present label"},
      {[](Job* j) { j->train[5].labels = {3}; }, ErrorKind::input, "label 3, expected 0 to 2"},
      {[](Job* j) {
         j->train[5].labels = {1, 1};
       },
       ErrorKind::input, "label 1 after 1"},
      {[](Job* j) {
         j->options.problem = ProblemType::single_label;
         j->options.pos_weights = {1, 1, 1};
       },
       ErrorKind::usage, "weights of present labels, and a row has one label"},
  };
  for (const Refusal& c : cases) {
    Job job = set_job(tiny.path(), "plain");
    c.change(&job);
    const std::string message = error_message(c.kind, [&] { run(job, dir.file("out")); });
    EXPECT_TRUE(contains(message, c.message)) << message;
  }
  // A teacher of another kind.
  ASSERT_TRUE(run(toy_job(tiny.path(), "joint", 3), dir.file("single")).has_value());
  for (const Recipe& recipe : recipes()) {
    if (!recipe.needs_teacher) continue;
    Job job = set_job(tiny.path(), std::string(recipe.name));
    job.options.teacher = dir.file("single");
    const std::string message = error_message(ErrorKind::model, [&] { run(job, dir.file("out")); });
    EXPECT_TRUE(contains(message, "the teacher gives one label, expected any number of labels"))
        << message;
  }
}

// With labels and without: answers are then drawn, each label by itself.
TEST(MultiLabel, IsMadeSlender) {
  const TempDir dir, tiny;
  write_tiny_checkpoint(tiny.path(), toy_shape());
  Job job = set_job(tiny.path(), "joint");
  job.options.epochs = 10;
  ASSERT_TRUE(run(job, dir.file("model")).has_value());
  for (const bool drawn : {false, true}) {
    SlenderizeOptions options;
    options.target = {SlenderSize::macs, 0.6};
    options.without_labels = drawn;
    options.threads = 1;
    const std::string out = dir.file(drawn ? "drawn" : "slender");
    Slenderizer slenderizer(dir.file("model"), job.train, job.dev, options);
    ASSERT_TRUE(slenderizer.run(out).has_value());
    EXPECT_TRUE(is_multi_label(Engine(out).info()));
  }
}

}  // namespace
}  // namespace costeff
