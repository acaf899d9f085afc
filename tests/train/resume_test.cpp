// A run that was interrupted goes on to the same bits as one that was not.

#include <gtest/gtest.h>

#include <filesystem>

#include "toy.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;

enum class How { stopped, killed };

// Thrown out of a run in the middle, after which nothing is saved: what a kill leaves on the disk.
struct Killed {};

// Lets a run make `steps` steps, then ends it.
void run_until(const Job& job, const std::string& out, int64_t steps, How how) {
  std::atomic<bool> stop{steps == 0};
  TrainObserver observer;
  observer.step = [&](const TrainStep&) {
    if (--steps > 0) return;
    if (how == How::killed) throw Killed();
    stop = true;
  };
  try {
    EXPECT_FALSE(run(job, out, observer, &stop).has_value());
    EXPECT_EQ(how, How::stopped);
  } catch (const Killed&) {
  }
  EXPECT_FALSE(fs::exists(out));
  EXPECT_TRUE(fs::exists(out + ".training"));
}

struct Part {
  int64_t steps;
  How how;
};

struct Case {
  const char* recipe;
  ComputeType compute;
  bool dev;
  std::vector<Part> parts;
};

// Evaluations but for their times.
std::vector<std::vector<double>> numbers_of(const std::vector<TrainEvaluation>& evaluations) {
  std::vector<std::vector<double>> all;
  for (const TrainEvaluation& e : evaluations) {
    std::vector<double> one{
        static_cast<double>(e.stage), static_cast<double>(e.step), e.epoch, e.train_loss, e.score,
        static_cast<double>(e.best)};
    one.insert(one.end(), e.metric.begin(), e.metric.end());
    all.push_back(one);
  }
  return all;
}

// With other threads and micro-batches in every part.
TEST(TrainResume, GoesOnToTheSameBits) {
  constexpr auto kFloat = ComputeType::float32, kBfloat = ComputeType::bfloat16;
  // Stages have 8 steps; with a dev set, states are saved after steps 3, 6 and 8 of each.
  const Case cases[] = {
      {"plain", kFloat, true, {{4, How::stopped}, {1, How::killed}}},
      {"plain", kBfloat, true, {{2, How::killed}, {7, How::killed}}},
      {"plain", kFloat, false, {{5, How::stopped}, {2, How::killed}}},
      {"plain", kBfloat, false, {{0, How::stopped}, {5, How::stopped}, {1, How::stopped}}},
      {"deebert", kFloat, true, {{8, How::stopped}, {5, How::killed}}},
      {"deebert", kBfloat, true, {{12, How::killed}}},
      {"deebert", kFloat, false, {{9, How::killed}, {3, How::stopped}}},
      {"ramps", kFloat, true, {{4, How::killed}, {1, How::stopped}}},
      {"ramps", kBfloat, false, {{3, How::stopped}, {4, How::killed}}},
      {"joint", kBfloat, true, {{7, How::stopped}}},
      {"alternate", kFloat, true, {{5, How::stopped}, {1, How::stopped}}},
      {"berxit", kFloat, true, {{3, How::stopped}, {4, How::killed}}},
      {"self-distil", kFloat, true, {{5, How::stopped}}},
      {"weighted", kFloat, true, {{5, How::stopped}}},
      {"assistant", kFloat, true, {{3, How::stopped}, {4, How::killed}}},
      {"assistant", kBfloat, false, {{2, How::killed}, {5, How::stopped}}},
      {"cofi", kFloat, true, {{3, How::stopped}, {4, How::killed}}},
      {"cofi", kBfloat, false, {{5, How::stopped}, {1, How::stopped}}},
  };
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  int number = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.recipe) + (c.compute == kFloat ? " float32" : " bfloat16") +
                 (c.dev ? " with dev" : "") + ", case " + std::to_string(number));
    Job job = toy_job(backbone.path(), c.recipe);
    job.options.compute = c.compute;
    if (!c.dev) job.dev.clear();
    if (find_recipe(c.recipe).needs_teacher) job.options.teacher = backbone.path();
    const std::string whole = dir.file("whole" + std::to_string(number)),
                      parts = dir.file("parts" + std::to_string(number));
    ++number;
    const auto wanted = run(job, whole);
    ASSERT_TRUE(wanted.has_value());
    EXPECT_FALSE(fs::exists(whole + ".training"));
    Job part = job;
    for (const Part& p : c.parts) {
      run_until(part, parts, p.steps, p.how);
      part.options.resume = true;
      part.options.threads = 3 - part.options.threads;
      part.options.micro_batch = part.options.micro_batch == 0 ? 3 : 1;
    }
    const auto got = run(part, parts);
    ASSERT_TRUE(got.has_value());
    EXPECT_FALSE(fs::exists(parts + ".training"));
    expect_same_files(parts, whole);
    EXPECT_EQ(got->best, wanted->best);
    if (c.dev) {
      EXPECT_EQ(numbers_of(got->evaluations), numbers_of(wanted->evaluations));
    }
  }
}

// The best model is not the last one, and it was saved in a part of the run before.
TEST(TrainResume, KeepsTheBestModelOfEarlierParts) {
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  Job job = toy_job(backbone.path(), "plain");
  // Judged by how early it is.
  int64_t judged = 0;
  job.options.metric = [&](std::span<const TrainRow>, const ExitTable& table) {
    return std::vector<double>(static_cast<size_t>(table.exits()), -static_cast<double>(judged++));
  };
  const auto whole = run(job, dir.file("whole"));
  judged = 0;
  run_until(job, dir.file("parts"), 4, How::stopped);
  job.options.resume = true;
  const auto parts = run(job, dir.file("parts"));
  ASSERT_TRUE(whole && parts);
  EXPECT_EQ(whole->best, 0);
  EXPECT_EQ(parts->best, 0);
  expect_same_files(dir.file("parts"), dir.file("whole"));
}

TEST(TrainResume, RefusesWhatIsNotTheSameRun) {
  const TempDir dir, backbone, other;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  TinyShape shape = toy_shape();
  shape.seed = 2;
  write_tiny_checkpoint(other.path(), shape);
  const std::string out = dir.file("out");
  const Job job = toy_job(backbone.path(), "ramps");
  run_until(job, out, 4, How::stopped);
  const auto state = model_files(out + ".training");

  const struct {
    const char* says;
    std::function<void(Job*)> change;
  } cases[] = {
      {"batch 8 (now 4)", [](Job* j) { j->options.batch = 4; }},
      {"learning rate 0.001 (now 0.002)", [](Job* j) { j->options.learning_rate = 2e-3; }},
      {"learning rate of exits 0.001 (now 0.1)",
       [](Job* j) { j->options.head_learning_rate = 0.1; }},
      {"epochs 2.0 (now 3.0)", [](Job* j) { j->options.epochs = 3; }},
      {"seed 42 (now 1), best by mean (now last)",
       [](Job* j) {
         j->options.seed = 1;
         j->options.best_by = BestBy::last;
       }},
      {"steps between evaluations 3 (now 2)", [](Job* j) { j->options.eval_every = 2; }},
      {"warm-up 0.1 (now 0.5)", [](Job* j) { j->options.warmup = 0.5; }},
      {"weight decay 0.01 (now 0.0)", [](Job* j) { j->options.decay = 0; }},
      {"clipping norm 1.0 (now 0.0)", [](Job* j) { j->options.clip = 0; }},
      {"label smoothing 0.0 (now 0.1)", [](Job* j) { j->options.label_smoothing = 0.1; }},
      {"class weights [] (now [1.0,2.0])",
       [](Job* j) {
         j->options.class_weights = {1, 2};
       }},
      {"max length 32 (now 9)", [](Job* j) { j->options.max_length = 9; }},
      {"recipe ramps (now joint)", [](Job* j) { j->options.recipe = "joint"; }},
      {"exits at layers [1,2,3,4] (now [1,2,4])",
       [](Job* j) {
         j->options.exits = {1, 2};
       }},
      {"pooling of exits", [](Job* j) { j->options.pooling = ExitPooling::first; }},
      {"dtype float32 (now bfloat16)", [](Job* j) { j->options.compute = ComputeType::bfloat16; }},
      {"metric  (now f1)", [](Job* j) { j->options.metric_name = "f1"; }},
      {"other rows to train on", [](Job* j) { j->train.pop_back(); }},
      {"other rows to train on", [](Job* j) { j->train[3].label ^= 1; }},
      {"other rows to train on, other rows to judge by",
       [](Job* j) {
         std::swap(j->train[0], j->train[1]);
         j->dev[4].example.text_a += " w3";
       }},
      {"other weights of the backbone", [&](Job* j) { j->backbone = other.path(); }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.says);
    Job changed = job;
    changed.options.resume = true;
    c.change(&changed);
    const std::string what = error_message(ErrorKind::input, [&] { run(changed, out); });
    EXPECT_TRUE(contains(what, out + ".training/state.json: is of a run with ")) << what;
    EXPECT_TRUE(contains(what, c.says)) << what;
    EXPECT_TRUE(contains(what, ", expected the same to go on")) << what;
    EXPECT_FALSE(fs::exists(out));
    EXPECT_EQ(model_files(out + ".training"), state);
  }
}

TEST(TrainResume, NeedsWhatItGoesOnWith) {
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  const std::string out = dir.file("out"), training = out + ".training";
  Job job = toy_job(backbone.path(), "plain");
  job.options.resume = true;
  const std::string none = error_message(ErrorKind::input, [&] { run(job, out); });
  EXPECT_TRUE(contains(none, training + ": there is no unfinished run to go on with")) << none;
  EXPECT_FALSE(fs::exists(training));

  job.options.resume = false;
  run_until(job, out, 4, How::stopped);
  const std::string there = error_message(ErrorKind::output, [&] { run(job, out); });
  EXPECT_TRUE(contains(there, training + ": holds an unfinished run, expected --resume")) << there;

  // Two runs at once would spoil each other's.
  job.options.resume = true;
  TrainObserver second;
  std::string busy;
  std::atomic<bool> stop{false};
  second.step = [&](const TrainStep&) {
    busy = error_message(ErrorKind::output, [&] { run(job, out); });
    stop = true;
  };
  EXPECT_FALSE(run(job, out, second, &stop).has_value());
  EXPECT_TRUE(contains(busy, training + ": another process trains there")) << busy;

  // What is damaged is refused, and not trained on.
  const std::string json = read_whole_file(training + "/state.json");
  const std::string tensors = training + "/state-0-5.safetensors";
  const std::string bytes = read_whole_file(tensors);
  for (const std::string& text : {std::string(), std::string("{}"), json.substr(0, json.size() / 2),
                                  std::string("{\"format\": 99}")}) {
    write_file(training + "/state.json", text);
    const std::string what = error_message(ErrorKind::input, [&] { run(job, out); });
    EXPECT_TRUE(contains(what, "state.json")) << what;
  }
  write_file(training + "/state.json", json);
  write_file(tensors, bytes.substr(0, bytes.size() - 40));
  const std::string cut = error_message(ErrorKind::model, [&] { run(job, out); });
  EXPECT_TRUE(contains(cut, "state-0-5.safetensors")) << cut;
  fs::remove(tensors);
  EXPECT_TRUE(
      contains(error_message(ErrorKind::model, [&] { run(job, out); }), "state-0-5.safetensors"));
  write_file(tensors, bytes);
  EXPECT_TRUE(run(job, out).has_value());
}

}  // namespace
}  // namespace costeff
