// COST-EFF's method as a run: what comes of it, and that it goes on where it was interrupted.

#include <costeff/slender_train.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json/json.h"
#include "emulated.h"
#include "prune/schedule.h"
#include "shared_data.h"
#include "toy.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;

struct SlenderToy {
  std::string model;
  SlenderTrainOptions options;
  std::vector<TrainRow> train = toy_rows(26, 2, 1), dev = toy_rows(10, 2, 2);

  explicit SlenderToy(const std::string& path) : model(path) {
    options.heads = 2;
    options.rank = 6;
    options.epochs_scale = 0.05;
    TrainOptions& o = options.train;
    o.labels = {"class0", "class1"};
    o.batch = 8;
    o.learning_rate = 1e-3;
    o.threads = 1;
  }
  std::optional<SlenderTrainResult> run(const std::string& out, const TrainObserver& observer = {},
                                        const std::atomic<bool>* stop = nullptr) const {
    SlenderTrainer trainer(model, train, dev, options);
    return trainer.run(out, observer, stop);
  }
};

struct SlenderTraining : testing::Test {
  const TempDir dir, plain, multi;
  SlenderTraining() {
    write_tiny_checkpoint(plain.path(), toy_shape());
    write_tiny_checkpoint(multi.path(), toy_shape("deebert"));
  }
  // Makes toy->model, which knows the task, and rows of it.
  void teach(SlenderToy* toy) const {
    Job job = toy_job(plain.path(), "plain");
    job.train = toy_rows(200, 2, 3);
    job.options.epochs = 12;
    job.options.learning_rate = 5e-3;
    ASSERT_TRUE(costeff::run(job, toy->model));
    toy->train = job.train;
    toy->dev = toy_rows(50, 2, 4);
  }
};

// For BERT-base the numbers of the reference's scripts.
TEST(CosteffSchedule, WidthsOfBertBase) {
  const prune::Widths bert{12, 3072, 0};
  struct SlenderCase {
    prune::Widths to;
    int64_t k;
    prune::Widths after;
  };
  const SlenderCase cases[] = {
      {{2, 512, 128}, 1, {11, 2816, 704}}, {{2, 512, 128}, 10, {2, 512, 128}},
      {{2, 256, 128}, 3, {9, 2227, 576}},  {{8, 2048, 512}, 4, {8, 2048, 512}},
      {{6, 1536, 0}, 2, {10, 2560, 0}},    {{12, 1536, 384}, 1, {12, 1536, 384}},
  };
  for (const SlenderCase& c : cases) {
    const int64_t prunings = prune::prunings_between(bert, c.to);
    EXPECT_EQ(prune::widths_after(bert, c.to, 768, c.k, prunings), c.after)
        << c.to.heads << " " << c.k;
  }
}

TEST(CosteffSchedule, EpochsOfTheTaskOrOfOneOfItsSize) {
  struct SlenderCase {
    const char* task;
    int64_t rows;
    double share, period, answers;
  };
  const SlenderCase cases[] = {{"sst-2", 100, 4.0 / 12, .5, 4},  {"mrpc", 1 << 30, 2.0 / 12, 2, 10},
                               {"", 3000, 2.0 / 12, 2, 10},      {"", 400000, 8.0 / 12, .25, 1},
                               {"mine", 67000, 1.0 / 12, .5, 6}, {"qnli", 1, 1, .5, 2}};
  for (const SlenderCase& c : cases) {
    const prune::CosteffEpochs e = prune::costeff_epochs(c.task, c.rows, c.share);
    EXPECT_EQ(e.period, c.period) << c.task << c.rows;
    EXPECT_EQ(e.answers, c.answers) << c.task << c.rows;
  }
}

TEST_F(SlenderTraining, MakesWhatThePlanSays) {
  struct SlenderCase {
    const std::string& model;
    const char* dialect;
    size_t stages;
  };
  // Without off-ramps the assistant comes first.
  for (const SlenderCase& c :
       {SlenderCase{plain.path(), "cost-eff", 6}, SlenderCase{multi.path(), "cost-eff", 5}}) {
    SCOPED_TRACE(c.model);
    SlenderToy toy(c.model);
    SlenderTrainer trainer(toy.model, toy.train, toy.dev, toy.options);
    const SlenderTrainPlan plan = trainer.plan();
    EXPECT_EQ(plan.after.heads, std::vector<int64_t>(4, 2));
    EXPECT_EQ(plan.after.neurons, std::vector<int64_t>(4, 32));
    EXPECT_EQ(plan.after.rank, 6);
    EXPECT_EQ(plan.train.dialect, c.dialect);
    ASSERT_EQ(plan.train.stages.size(), c.stages);
    EXPECT_GT(trainer.estimate_seconds(), 0);
    const std::string out = dir.file("made" + std::to_string(c.stages));
    std::vector<int64_t> steps(c.stages);
    TrainObserver count;
    count.step = [&](const TrainStep& s) { ++steps[static_cast<size_t>(s.stage)]; };
    const auto result = trainer.run(out, count);
    ASSERT_TRUE(result.has_value());
    for (size_t i = 0; i < c.stages; ++i) EXPECT_EQ(steps[i], plan.train.stages[i].steps) << i;
    EXPECT_FALSE(fs::exists(out + ".stages"));
    EXPECT_EQ(result->metric_after.size(), 4u);
    const ModelInfo info = Engine(out).info();
    EXPECT_EQ(info.dialect, c.dialect);
    EXPECT_EQ(info.parameters, plan.after.parameters);
    EXPECT_EQ(info.embedding_rank, 6);
    const Json record = read_json_object(out + "/slenderize.json", ErrorKind::input);
    for (const Json& layer : record.at("kept_heads")) {
      ASSERT_EQ(layer.size(), 2u);
      EXPECT_LT(layer[0].get<int64_t>(), layer[1].get<int64_t>());
      EXPECT_LT(layer[1].get<int64_t>(), 4);
    }
    for (const Json& layer : record.at("kept_neurons")) EXPECT_EQ(layer.size(), 32u);
  }
}

// An exit's own form stays through all stages, also where COST-EFF has none for it.
TEST_F(SlenderTraining, KeepsExitsOfAnyForm) {
  SlenderToy toy(dir.file("ramps"));
  Job job = toy_job(plain.path(), "ramps");
  job.options.exits = {1, 3};
  ASSERT_TRUE(costeff::run(job, toy.model));
  toy.options.epochs_scale = 1e-3;
  toy.options.train.learning_rate = 1e-12;
  toy.options.train.dropout = toy.options.train.attention_dropout = 0;
  toy.options.heads = 4;
  toy.options.neurons = 64;
  toy.options.rank = 16;
  const std::string out = dir.file("same");
  ASSERT_TRUE(toy.run(out));
  // Nothing was dropped and next to nothing trained.
  EXPECT_EQ(Engine(out).info().dialect, "costeff-cost-eff");
  const auto got = all_logits(answers(out, toy.dev)),
             wanted = all_logits(answers(toy.model, toy.dev));
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-4);
}

TEST_F(SlenderTraining, LearnsAToyTask) {
  SlenderToy toy(dir.file("whole"));
  ASSERT_NO_FATAL_FAILURE(teach(&toy));
  toy.options.train.learning_rate = 3e-3;
  toy.options.epochs_scale = 0.7;
  const auto result = toy.run(dir.file("slender"));
  ASSERT_TRUE(result.has_value());
  ASSERT_GE(result->metric_before.back(), 0.9);
  EXPECT_GE(result->metric_after.back(), 0.9);
}

TEST_F(SlenderTraining, GoesOnToTheSameBits) {
  struct KilledRun {};
  SlenderToy toy(plain.path());
  toy.options.epochs_scale = 0.15;
  const std::string whole = dir.file("whole"), parts = dir.file("parts");
  ASSERT_TRUE(toy.run(whole));
  bool resume = false;
  // Steps of all stages until a part ends, and whether it is killed: within the assistant, a pruning, between
  // two stages, and within the recovery.
  for (const auto& [steps, killed] :
       {std::pair{2, true}, {4, false}, {2, true}, {3, false}, {4, true}}) {
    SCOPED_TRACE(steps);
    toy.options.train.resume = resume;
    toy.options.train.threads = 3 - toy.options.train.threads;
    std::atomic<bool> stop{false};
    int64_t left = steps;
    TrainObserver observer;
    observer.step = [&, k = killed](const TrainStep&) {
      if (--left > 0) return;
      if (k) throw KilledRun();
      stop = true;
    };
    try {
      EXPECT_FALSE(toy.run(parts, observer, &stop).has_value());
    } catch (const KilledRun&) {
    }
    EXPECT_TRUE(fs::exists(parts + ".stages"));
    EXPECT_FALSE(fs::exists(parts));
    resume = true;
  }
  toy.options.train.resume = true;
  ASSERT_TRUE(toy.run(parts));
  fs::remove(whole + "/slenderize.json");
  fs::remove(parts + "/slenderize.json");  // says how long it took
  expect_same_files(parts, whole);
}

TEST_F(SlenderTraining, KeepsTheStagesIfAsked) {
  SlenderToy toy(multi.path());
  toy.options.keep_stages = true;
  ASSERT_TRUE(toy.run(dir.file("out")));
  int64_t models = 0;
  for (const auto& entry : fs::directory_iterator(dir.file("out") + ".stages"))
    if (entry.is_directory()) models += !Engine(entry.path().string()).info().dialect.empty();
  EXPECT_EQ(models, 4);  // the last one is OUT
}

TEST_F(SlenderTraining, RefusesWhatCannotBe) {
  struct SlenderCase {
    std::function<void(SlenderToy*)> change;
    ErrorKind kind;
    const char* message;
  };
  const SlenderCase cases[] = {
      {[](SlenderToy* t) { t->options.heads = 5; }, ErrorKind::usage, "heads 5, expected 1 to 4"},
      {[](SlenderToy* t) { t->options.neurons = 65; }, ErrorKind::usage, "neurons 65, expected"},
      {[](SlenderToy* t) { t->options.rank = 17; }, ErrorKind::usage, "rank 17, expected 1 to 16"},
      {[](SlenderToy* t) { t->options.heads = t->options.rank = 0; }, ErrorKind::usage, "no size"},
      {[](SlenderToy* t) {
         t->options.heads = t->options.rank = 0;
         t->options.target = {SlenderSize::parameters, 0.01};
       },
       ErrorKind::usage, "expected at least 0."},
      {[](SlenderToy* t) { t->options.epochs_scale = 0; }, ErrorKind::usage, "epochs of 0"},
      {[&](SlenderToy* t) {
         t->model = multi.path();
         t->options.backbone = plain.path();
       },
       ErrorKind::usage, "off-ramps already"},
      {[](SlenderToy* t) { t->train.clear(); }, ErrorKind::input, "no rows"},
  };
  for (const SlenderCase& c : cases) {
    SlenderToy toy(plain.path());
    c.change(&toy);
    const std::string message =
        error_message(c.kind, [&] { SlenderTrainer(toy.model, toy.train, toy.dev, toy.options); });
    EXPECT_TRUE(contains(message, c.message)) << message;
  }
}

// Refused before anything is trained.
TEST_F(SlenderTraining, RefusesModelsThatNoFormSays) {
  const TempDir wide;
  TinyShape shape = toy_shape();
  shape.ffn = {80};
  write_tiny_checkpoint(wide.path(), shape);
  for (const auto method : {SlenderMethod::cost_eff, SlenderMethod::cofi}) {
    SlenderToy toy(shared_path("golden/distilbert"));
    toy.options.method = method;
    toy.options.heads = toy.options.rank = 0;
    toy.options.target = {SlenderSize::sparsity, 0.5};
    const auto refused = [&] {
      return error_message(ErrorKind::model,
                           [&] { SlenderTrainer(toy.model, toy.train, toy.dev, toy.options); });
    };
    EXPECT_TRUE(contains(refused(), "has no slender form; expected a BERT or RoBERTa"));
    toy.model = plain.path();
    toy.options.backbone = wide.path();
    EXPECT_TRUE(contains(refused(), "4 heads and 80 neurons, expected 4 layers of 16"));
  }
}

// A share is reached as nearly as whole heads allow, and never passed.
TEST_F(SlenderTraining, SharesBecomeWidths) {
  for (const double share : {0.35, 0.5, 0.75, 1.0}) {
    for (const auto of : {SlenderSize::parameters, SlenderSize::macs, SlenderSize::sparsity}) {
      SlenderToy toy(multi.path());
      toy.options.heads = toy.options.rank = 0;
      toy.options.target = {of, of == SlenderSize::sparsity ? 1 - share : share};
      toy.options.round = false;
      const SlenderTrainer trainer(toy.model, toy.train, toy.dev, toy.options);
      const SlenderTrainPlan& plan = trainer.plan();
      const double is = of == SlenderSize::parameters
                            ? static_cast<double>(plan.after.parameters) /
                                  static_cast<double>(plan.before.parameters)
                        : of == SlenderSize::macs ? plan.after.macs / plan.before.macs
                                                  : 1 - plan.after.sparsity;
      EXPECT_LE(is, share);
      EXPECT_GE(is, share - 0.13);
    }
  }
}

// A speed-up asks for fewer units the higher it is.
TEST_F(SlenderTraining, SpeedUpsBecomeWidthsToo) {
  for (const auto method : {SlenderMethod::cost_eff, SlenderMethod::cofi}) {
    double before = -1;
    for (const double speedup : {1.0, 1.3}) {
      SlenderToy toy(plain.path());
      toy.options.method = method;
      toy.options.heads = toy.options.rank = 0;
      toy.options.target = {SlenderSize::speedup, speedup};
      if (method == SlenderMethod::cofi && speedup == 1) continue;  // nothing to drop
      const SlenderTrainer trainer(toy.model, toy.train, toy.dev, toy.options);
      const double sparsity = trainer.plan().after.sparsity;
      EXPECT_GE(sparsity, 0);
      if (!kEmulated) {  // whose times of two runs differ
        EXPECT_GT(sparsity, before);
      }
      before = sparsity;
    }
    SlenderToy toy(plain.path());
    toy.options.method = method;
    toy.options.heads = toy.options.rank = 0;
    toy.options.target = {SlenderSize::speedup, 1e6};
    EXPECT_TRUE(
        contains(error_message(ErrorKind::usage,
                               [&] { SlenderTrainer(toy.model, toy.train, toy.dev, toy.options); }),
                 "expected at most"));
  }
}

// Masks find the widths; then what is left is trained.
TEST_F(SlenderTraining, CofiReachesItsSparsityAndGoesOn) {
  SlenderToy toy(dir.file("whole"));
  ASSERT_NO_FATAL_FAILURE(teach(&toy));
  toy.options.method = SlenderMethod::cofi;
  toy.options.heads = toy.options.rank = 0;
  toy.options.target = {SlenderSize::sparsity, 0.5};
  toy.options.epochs_scale = 0.15;
  toy.options.train.learning_rate = 2e-3;
  SlenderTrainer trainer(toy.model, toy.train, toy.dev, toy.options);
  EXPECT_EQ(trainer.plan().train.stages.size(), 2u);
  EXPECT_EQ(trainer.plan().train.dialect, "cofi-compact");
  EXPECT_GT(trainer.estimate_seconds(), 0);
  const auto whole = trainer.run(dir.file("slender"));
  ASSERT_TRUE(whole.has_value());
  EXPECT_GE(whole->after.sparsity, 0.5);
  EXPECT_LT(whole->after.sparsity, 0.7);
  EXPECT_GE(whole->metric_after.back(), 0.85);
  EXPECT_EQ(Engine(dir.file("slender")).info().parameters, whole->after.parameters);

  // In two parts, the first of which ends in the second stage.
  std::atomic<bool> stop{false};
  TrainObserver observer;
  observer.step = [&](const TrainStep& s) { stop = s.stage == 1 && s.step == 3; };
  EXPECT_FALSE(toy.run(dir.file("parts"), observer, &stop).has_value());
  toy.options.train.resume = true;
  toy.options.train.threads = 2;
  ASSERT_TRUE(toy.run(dir.file("parts")));
  for (const char* out : {"slender", "parts"}) fs::remove(dir.file(out) + "/slenderize.json");
  expect_same_files(dir.file("parts"), dir.file("slender"));
}

}  // namespace
}  // namespace costeff
