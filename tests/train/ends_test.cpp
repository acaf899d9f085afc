// How runs end, and which model is kept.

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "toy.h"

namespace costeff {
namespace {

// Gives every evaluation the metrics of a list; the last ones again when it is over.
TrainMetric scripted(std::vector<std::vector<double>> metrics) {
  const auto next = std::make_shared<size_t>(0);  // copies of the function go on together
  return [metrics, next](std::span<const TrainRow>, const ExitTable&) {
    return metrics[std::min((*next)++, metrics.size() - 1)];
  };
}

struct TrainEnds : testing::Test {
  TempDir dir, backbone;
  std::string out = dir.file("out");
  TrainEnds() { write_tiny_checkpoint(backbone.path(), toy_shape()); }

  nlohmann::json record() const {
    return nlohmann::json::parse(read_whole_file(out + "/training.json"));
  }
};

TEST_F(TrainEnds, EarlyStop) {
  Job job = toy_job(backbone.path(), "plain");
  job.options.eval_every = 1;
  job.options.early_stop = 2;
  job.options.metric = scripted({{0.5}, {0.4}, {0.6}, {0.6}, {0.1}, {0.9}});
  const auto result = run(job, out);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->end, TrainEnd::early_stop);
  EXPECT_EQ(result->evaluations.size(), 5u);  // one as good is no better one
  EXPECT_EQ(result->best, 2);
  EXPECT_EQ(record()["end"], "early_stop");
  EXPECT_EQ(record()["best"], 2);
}

// Stages stop and end by themselves: what is said is how the last one ended.
TEST_F(TrainEnds, EarlyStopOfAStage) {
  Job job = toy_job(backbone.path(), "deebert");
  job.options.early_stop = 1;
  const std::vector<double> good(4, 0.9), bad(4, 0.1);
  job.options.metric = scripted({good, bad, bad, good, good});
  // Stage 1 is over after step 6, and stage 2 begins with the model of step 3.
  std::vector<int64_t> steps(2);
  TrainObserver observer;
  observer.step = [&](const TrainStep& s) { ++steps[static_cast<size_t>(s.stage)]; };
  const auto result = run(job, out, observer);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(steps, (std::vector<int64_t>{6, 8}));
  EXPECT_EQ(result->end, TrainEnd::finished);
  EXPECT_EQ(result->best, 3);

  // The same bits if it is interrupted at the end of stage 1, and in stage 2.
  std::atomic<bool> stop{false};
  Job parts = job;
  parts.options.metric = scripted({good, bad});
  observer.step = [&](const TrainStep& s) { stop = s.step == 6; };
  const std::string other = dir.file("other");
  ASSERT_FALSE(run(parts, other, observer, &stop).has_value());
  parts.options.resume = true;
  parts.options.metric = scripted({bad, good});
  observer.step = [&](const TrainStep& s) { stop = s.stage == 1 && s.step == 4; };
  stop = false;
  ASSERT_FALSE(run(parts, other, observer, &stop).has_value());
  parts.options.metric = scripted({good});
  const auto rest = run(parts, other);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->best, 3);
  EXPECT_EQ(rest->end, TrainEnd::finished);
  expect_same_files(other, out);
}

// In DeeBERT's first stage off-ramps have their initial weights.
TEST_F(TrainEnds, StagesAreJudgedByWhatTheyTrain) {
  Job job = toy_job(backbone.path(), "deebert");
  const std::vector<double> early{0.9, 0.9, 0.9, 0.1}, late{0.1, 0.1, 0.1, 0.5};
  job.options.metric = scripted({early, late, early, early, late, late});
  const auto result = run(job, out);
  ASSERT_TRUE(result.has_value());
  std::vector<double> scores;
  std::vector<bool> best;
  for (const TrainEvaluation& e : result->evaluations) {
    scores.push_back(e.score);
    best.push_back(e.best);
  }
  EXPECT_EQ(scores,
            (std::vector<double>{0.1, 0.5, 0.1, (0.9 + 0.9 + 0.9 + 0.1) / 4,
                                 (0.1 + 0.1 + 0.1 + 0.5) / 4, (0.1 + 0.1 + 0.1 + 0.5) / 4}));
  EXPECT_EQ(best, (std::vector<bool>{true, true, false, true, false, false}));
}

TEST_F(TrainEnds, TimeLimit) {
  for (const char* recipe : {"plain", "deebert", "assistant"}) {
    for (const bool dev : {true, false}) {
      SCOPED_TRACE(std::string(recipe) + (dev ? " with dev" : ""));
      Job job = toy_job(backbone.path(), recipe);
      job.options.time_limit_s = 1e-9;
      if (!dev) job.dev.clear();
      if (find_recipe(recipe).needs_teacher) job.options.teacher = backbone.path();
      const auto result = run(job, out);
      ASSERT_TRUE(result.has_value());
      EXPECT_EQ(result->end, TrainEnd::time_limit);
      EXPECT_EQ(record()["end"], "time_limit");
      EXPECT_EQ(result->evaluations.empty(), !dev);
      EXPECT_EQ(Engine(out).info().num_labels, 2);
      std::filesystem::remove_all(out);
    }
  }
}

TEST_F(TrainEnds, BestByTheLastExitOrTheMean) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::vector<double>> metrics{
      {none, none, none, none}, {0.5, 0.5, 0.5, 0.9}, {0.8, 0.8, 0.8, 0.8}, {0.9, 0.9, none, 0.9}};
  const struct {
    const char* recipe;
    BestBy best_by;
    int64_t best;
  } cases[] = {{"joint", BestBy::last, 1},
               {"joint", BestBy::mean, 2},
               {"joint", BestBy::automatic, 2},
               {"ramps", BestBy::automatic, 2}};
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.recipe) + " " + best_by_name(c.best_by));
    Job job = toy_job(backbone.path(), c.recipe);
    job.options.best_by = c.best_by;
    job.options.eval_every = 2;
    job.options.metric = scripted(metrics);
    const auto result = run(job, out);
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->best, c.best);
    EXPECT_EQ(record()["options"]["best_by"], c.best_by == BestBy::last ? "last" : "mean");
    std::filesystem::remove_all(out);
  }
}

}  // namespace
}  // namespace costeff
