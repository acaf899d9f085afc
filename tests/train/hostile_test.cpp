// Odd and hostile input, and disks that fill up.

#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/resource_limit.h"
#include "shared_data.h"
#include "toy.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;

// The best model so far, if an error names one, can be used.
void expect_best_model(const std::string& what) {
  const std::string before = "best model so far is ";
  const size_t at = what.find(before);
  if (at == std::string::npos) return;
  EXPECT_EQ(Engine(what.substr(at + before.size())).info().num_labels, 2) << what;
}

struct TrainHostile : testing::Test {
  TempDir dir, backbone;
  std::string out = dir.file("out");
  TrainHostile() { write_tiny_checkpoint(backbone.path(), toy_shape()); }

  Job job(const std::string& recipe = "plain", int64_t labels = 2) const {
    return toy_job(backbone.path(), recipe, labels);
  }
  // The error of a whole run, which leaves nothing behind.
  std::string refusal(ErrorKind kind, const Job& j) {
    const std::string what = error_message(kind, [&] { run(j, out); });
    EXPECT_FALSE(fs::exists(out));
    EXPECT_FALSE(fs::exists(out + ".training"));
    return what;
  }
};

TEST_F(TrainHostile, OutputsThatExist) {
  fs::create_directory(out);
  write_file(out + "/mine", "x");
  EXPECT_TRUE(contains(error_message(ErrorKind::output, [&] { run(job(), out); }),
                       out + ": is not empty, expected a new name or an empty directory"));
  EXPECT_EQ(model_files(out).size(), 1u);
  EXPECT_FALSE(fs::exists(out + ".training"));
  write_file(dir.file("file"), "x");
  EXPECT_TRUE(contains(error_message(ErrorKind::output, [&] { run(job(), dir.file("file")); }),
                       "exists and is not a directory"));
  error_message(ErrorKind::output, [&] { run(job(), dir.file("no/such/place")); });
  error_message(ErrorKind::output, [&] { run(job(), ""); });
  fs::remove(out + "/mine");
  EXPECT_TRUE(run(job(), out + "/").has_value());
  EXPECT_TRUE(fs::exists(out + "/model.safetensors"));
  EXPECT_FALSE(fs::exists(out + ".training"));
}

// Files may not grow beyond a limit from some step on: the model has about 60 KB, a state three times
// that, training.json about 2 KB.
TEST_F(TrainHostile, FullDisks) {
  const struct {
    const char* recipe;
    bool dev;
    int64_t step;  // after which the disk is full
    rlim_t bytes;
  } cases[] = {
      {"plain", true, 1, 100000},                                   // the first state
      {"plain", true, 1, 10000},                                    // the first model
      {"plain", true, 4, 100000},                                   // a later state
      {"plain", true, 4, 10000},                                    // a later model
      {"plain", true, 7, 100},                                      // any file
      {"plain", false, 2, 100000},                                  // the only state
      {"plain", false, 2, 10000},    {"deebert", true, 10, 10000},  // in the second stage
      {"deebert", false, 10, 10000}, {"ramps", true, 4, 1000},
  };
  const auto old_action = ::signal(SIGXFSZ, SIG_IGN);
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.recipe) + (c.dev ? ", dev" : "") + ", step " +
                 std::to_string(c.step) + ", " + std::to_string(c.bytes) + " bytes");
    Job j = job(c.recipe);
    if (!c.dev) j.dev.clear();
    const std::string name = dir.file(std::to_string(&c - cases)), whole = name + "whole";
    ASSERT_TRUE(run(j, whole).has_value());
    int64_t steps = 0;
    std::optional<ResourceLimit> limit;
    TrainObserver observer;
    observer.step = [&](const TrainStep&) {
      if (++steps == c.step) limit.emplace(RLIMIT_FSIZE, c.bytes);
    };
    const std::string what = error_message(ErrorKind::output, [&] { run(j, name, observer); });
    limit.reset();
    EXPECT_TRUE(contains(what, name + ".training/")) << what;
    EXPECT_TRUE(contains(what, "File too large")) << what;
    EXPECT_FALSE(fs::exists(name));
    expect_best_model(what);
    j.options.resume = fs::exists(name + ".training");
    ASSERT_TRUE(run(j, name).has_value());
    expect_same_files(name, whole);
    EXPECT_FALSE(fs::exists(name + ".training"));
  }
  // No room for the states that ramps keeps.
  Job j = job("ramps");
  j.options.memory_budget = 0;
  const ResourceLimit limit(RLIMIT_FSIZE, 1000);
  EXPECT_TRUE(contains(refusal(ErrorKind::output, j), "no room for "));
  ::signal(SIGXFSZ, old_action);
}

TEST_F(TrainHostile, WeightsThatAreNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    TinyTensors tensors = tiny_tensors(toy_shape());
    tensors["bert.encoder.layer.1.output.dense.weight"].values[5] = bad;
    write_safetensors(backbone.path() + "/model.safetensors", tensors);
    for (const char* recipe : {"plain", "ramps"}) {
      const std::string what = refusal(ErrorKind::model, job(recipe));
      EXPECT_TRUE(contains(what, "bert.encoder.layer.1.output.dense.weight")) << what;
    }
  }
}

TEST_F(TrainHostile, RatesThatExplode) {
  for (const double rate : {1e10, 1e30}) {
    for (const char* recipe : {"plain", "joint", "ramps", "berxit"}) {
      for (const bool dev : {false, true}) {
        SCOPED_TRACE(std::string(recipe) + (dev ? " with dev" : ""));
        Job j = job(recipe);
        j.options.learning_rate = rate;
        j.options.eval_every = 1;
        j.options.clip = 0;
        if (!dev) j.dev.clear();
        const std::string what = error_message(ErrorKind::input, [&] { run(j, out); });
        EXPECT_TRUE(what.starts_with("step ")) << what;
        EXPECT_TRUE(contains(what, " is not finite") || contains(what, " are not finite")) << what;
        EXPECT_TRUE(contains(what, "A lower learning rate helps")) << what;
        EXPECT_FALSE(fs::exists(out));
        expect_best_model(what);
        fs::remove_all(out + ".training");
      }
    }
  }
}

TEST_F(TrainHostile, Labels) {
  Job j = job();
  j.train[7].label = 2;
  EXPECT_TRUE(contains(refusal(ErrorKind::input, j), "label 2, expected 0 to 1"));
  j = job();
  j.dev[7].label = -1;
  EXPECT_TRUE(contains(refusal(ErrorKind::input, j), "label -1, expected 0 to 1"));
  j = job();
  j.options.labels = {"one"};
  EXPECT_TRUE(contains(refusal(ErrorKind::usage, j), "1 labels, expected at least 2"));
  j.options.labels = {"one", "one"};
  EXPECT_TRUE(contains(refusal(ErrorKind::usage, j), "label \"one\" is given twice"));
  j = job();
  j.options.labels.clear();
  j.options.problem = ProblemType::regression;
  j.train[3].score = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(contains(refusal(ErrorKind::input, j), "the score is not finite"));

  // All rows of one class, and a class that only the rows to judge by have: both can be computed.
  j = job("joint", 3);
  for (TrainRow& row : j.train) row.label = 0;
  ASSERT_TRUE(run(j, out).has_value());
  EXPECT_EQ(Engine(out).info().num_labels, 3);
}

TEST_F(TrainHostile, Texts) {
  Job j = job("joint");
  const auto with_ids = [](std::vector<int32_t> ids) {
    TrainRow row;
    row.example.has_ids = true;
    row.example.input_ids = std::move(ids);
    return row;
  };
  j.train = {TrainRow{}, with_ids({7}), with_ids({2, 3}), with_ids({2, 9, 9, 9, 3}), TrainRow{}};
  j.train[2].label = 1;
  j.train[4].example.text_b = "";
  j.dev = {TrainRow{}, with_ids({7})};
  for (const auto compute : {ComputeType::float32, ComputeType::bfloat16}) {
    j.options.compute = compute;
    ASSERT_TRUE(run(j, out).has_value());
    fs::remove_all(out);
  }
  j.train[1].example.input_ids = {};
  refusal(ErrorKind::input, j);
  j.train[1].example.input_ids = {2, 105, 3};
  EXPECT_TRUE(contains(refusal(ErrorKind::input, j), "105"));
  j.train[1].example.input_ids = {2, -1, 3};
  EXPECT_TRUE(contains(refusal(ErrorKind::input, j), "-1"));
  j.train.clear();
  EXPECT_TRUE(contains(refusal(ErrorKind::input, j), "no rows to train on, expected some"));

  j = job();
  j.dev.clear();
  const auto result = run(j, out);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->best, -1);
  EXPECT_TRUE(result->evaluations.empty());
  EXPECT_EQ(answers(out, j.train).size(), j.train.size());
}

// Exits with other labels make room for new ones, and that is said.
TEST_F(TrainHostile, BackbonesWithOtherLabels) {
  const TempDir early;
  write_tiny_checkpoint(early.path(), toy_shape("deebert"));
  for (const std::string& path : {backbone.path(), early.path()}) {
    for (const char* recipe : {"plain", "joint", "deebert"}) {
      Job j = toy_job(path, recipe, 3);
      Trainer trainer(j.backbone, j.train, j.dev, j.options);
      std::string notes;
      for (const std::string& note : trainer.plan().notes) notes += note + "\n";
      EXPECT_TRUE(contains(notes, "the backbone's exits answer other labels: all ")) << notes;
      ASSERT_TRUE(trainer.run(out).has_value());
      EXPECT_EQ(Engine(out).info().labels, j.options.labels);
      fs::remove_all(out);
    }
    EXPECT_TRUE(contains(refusal(ErrorKind::usage, toy_job(path, "ramps", 3)),
                         "this backbone's classifier does not have these labels"));
  }
  Job scores = job("joint");
  scores.options.labels.clear();
  scores.options.problem = ProblemType::regression;
  ASSERT_TRUE(run(scores, out).has_value());
  EXPECT_TRUE(is_regression(Engine(out).info()));

  fs::remove_all(out);
  const TempDir questions;
  write_tiny_checkpoint(questions.path(), toy_shape("qa"));
  EXPECT_TRUE(contains(refusal(ErrorKind::model, toy_job(questions.path(), "joint")),
                       "holds a model that answers questions"));
}

TEST_F(TrainHostile, Teachers) {
  const auto teacher = [&](const char* name, const TinyShape& shape) {
    const std::string path = dir.file(name);
    fs::create_directory(path);
    write_tiny_checkpoint(path, shape);
    return path;
  };
  TinyShape few = toy_shape(), wide = toy_shape(), more = toy_shape(), questions = toy_shape("qa");
  few.layers = 3;
  wide.hidden = 24;
  wide.heads = {6};
  more.labels = 3;
  TinyTensors broken = tiny_tensors(toy_shape());
  broken["classifier.weight"].values[0] = std::numeric_limits<float>::quiet_NaN();
  const std::string nan = teacher("nan", toy_shape());
  write_safetensors(nan + "/model.safetensors", broken);
  const std::string foreign = teacher("foreign", toy_shape());
  std::string vocab = read_whole_file(foreign + "/vocab.txt");
  vocab.replace(vocab.find("w17\n"), 4, "w71\n");
  vocab.replace(vocab.rfind("w71\n"), 4, "w17\n");
  write_file(foreign + "/vocab.txt", vocab);
  const struct {
    std::string path, says;
    ErrorKind kind = ErrorKind::model;
  } cases[] = {
      {dir.file("none"), "none"},
      {teacher("few", few), "the teacher has 3 layers of 16, expected 4 of 16"},
      {teacher("wide", wide), "the teacher has 4 layers of 24, expected 4 of 16"},
      {teacher("more", more), "the teacher has 3 labels, expected 2"},
      {teacher("questions", questions), "answers questions, expected a classifier"},
      {nan, "classifier.weight"},
      {foreign, "the teacher's tokenizer reads texts otherwise"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path);
    Job j = job("assistant");
    j.options.teacher = c.path;
    const std::string what = refusal(c.kind, j);
    EXPECT_TRUE(what.starts_with(c.path)) << what;
    EXPECT_TRUE(contains(what, c.says)) << what;
  }
  EXPECT_TRUE(contains(refusal(ErrorKind::usage, job("assistant")), "learns from a teacher"));
  Job j = job("plain");
  j.options.teacher = backbone.path();
  EXPECT_TRUE(contains(refusal(ErrorKind::usage, j), "recipe plain has no teacher"));
}

TEST_F(TrainHostile, SettingsOutOfRange) {
  const struct {
    const char* says;
    std::function<void(TrainOptions*)> change;
  } cases[] = {
      {"learning rate 0, expected more than 0", [](auto* o) { o->learning_rate = 0; }},
      {"learning rate nan", [](auto* o) { o->learning_rate = std::nan(""); }},
      {"learning rate of the exits -1", [](auto* o) { o->head_learning_rate = -1; }},
      {"epochs 0", [](auto* o) { o->epochs = 0; }},
      {"batch 0", [](auto* o) { o->batch = 0; }},
      {"warm-up 2", [](auto* o) { o->warmup = 2; }},
      {"dropout 1, expected 0 to 0.99", [](auto* o) { o->dropout = 1; }},
      {"label smoothing 1", [](auto* o) { o->label_smoothing = 1; }},
      {"3 class weights, expected 2",
       [](auto* o) {
         o->class_weights = {1, 2, 3};
       }},
      {"micro-batch -1", [](auto* o) { o->micro_batch = -1; }},
      {"--max-length 33, expected 3 to 32", [](auto* o) { o->max_length = 33; }},
      {"--max-length 2, expected 3 to 32", [](auto* o) { o->max_length = 2; }},
      {"--max-length -1, expected 3 to 32", [](auto* o) { o->max_length = -1; }},
      {"frozen layer 5, expected 1 to 4", [](auto* o) { o->freeze_layers = {5}; }},
      {"exits are given", [](auto* o) { o->exits = {2}; }},
      {"recipe plain makes no off-ramps, and a first exit", [](auto* o) { o->first_exit = 2; }},
      {"recipe plain distils no teacher's answers", [](auto* o) { o->temperature = 2; }},
      {"int8", [](auto* o) { o->compute = ComputeType::int8; }},
      {"recipe \"magic\", expected one of plain", [](auto* o) { o->recipe = "magic"; }},
      {"isa", [](auto* o) { o->isa = "z80"; }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.says);
    Job j = job();
    c.change(&j.options);
    const std::string what = refusal(ErrorKind::usage, j);
    EXPECT_TRUE(contains(what, c.says)) << what;
  }
}

}  // namespace
}  // namespace costeff
