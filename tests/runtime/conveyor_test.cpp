// The schedule of src/runtime/README.md under random exit patterns: no row is lost, doubled or changed,
// whichever rows are computed together.

#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/format.h"
#include "sanitized.h"
#include "test_random.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

std::vector<Example> numbered_rows(const std::vector<std::string>& texts) {
  std::vector<Example> rows(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    rows[i].text_a = texts[i];
    rows[i].id = fmt::format("{}", i);
  }
  return rows;
}

void expect_same_exit(const Result& a, const Result& b, const std::string& where) {
  ASSERT_EQ(a.exit_layer, b.exit_layer) << where;
  ASSERT_EQ(a.logits, b.logits) << where;
  ASSERT_EQ(a.tokens, b.tokens) << where;
}

// Random thresholds for each layer, so that rows leave anywhere: between "none" and "all".
ExitPolicy random_policy(int64_t layers, std::mt19937_64* rng) {
  ExitPolicy p;
  p.kind = PolicyKind::entropy;
  std::uniform_real_distribution<double> entropy(0.2, 0.75);
  for (int64_t i = 0; i < layers; ++i) p.thresholds.push_back(entropy(*rng));
  p.exit_start = 1 + static_cast<int64_t>((*rng)() % static_cast<uint64_t>(layers));
  return p;
}

TEST(Conveyor, RandomExitPatternsLoseDoubleAndChangeNothing) {
  RecordProperty("seed", fmt::format("{}", test_seed()));
  std::mt19937_64 rng(test_seed());
  TempDir dir;
  TinyShape shape;
  shape.layers = 6;
  write_tiny_checkpoint(dir.path(), shape);
  const Engine engine(dir.path());
  const auto rows = numbered_rows(tiny_texts(150, 5));
  for (int round = 0; round < (kSanitized ? 2 : 8); ++round) {
    RunOptions options;
    options.policy = random_policy(shape.layers, &rng);
    options.threads = 1;
    options.batch_tokens = 1;  // every row alone, from the first layer to its exit
    const auto alone = engine.score(rows, options);
    ASSERT_EQ(alone.size(), rows.size());
    for (int64_t batch_tokens : {2, 17, 64, 300}) {
      for (int64_t threads : {1, 2, 3}) {
        for (Mode mode : {Mode::throughput, Mode::latency}) {
          // More threads than CPUs on one layer are slow, and no other case.
          if (mode == Mode::latency && threads != 2) continue;
          // Every combination with half of the patterns.
          const double delay = (round + threads) % 2 == 0 ? 0.0 : 0.001;
          options.batch_tokens = batch_tokens;
          options.threads = threads;
          options.mode = mode;
          options.max_delay_ms = delay;
          const std::string where = fmt::format("seed {}, batch tokens {}, threads {}", test_seed(),
                                                batch_tokens, threads);
          std::vector<Result> results;
          size_t next = 0, seen = 0;
          const RunStats stats = engine.run(
              [&](Example& row, bool may_block) {
                if (next == rows.size()) return ReadStatus::end;
                // Input that comes in bursts.
                if (!may_block && rng() % 16 == 0) return ReadStatus::would_block;
                row = rows[next++];
                return ReadStatus::row;
              },
              [&](std::span<const Example> examples, std::span<const Result> r) {
                for (const Example& e : examples) ASSERT_EQ(e.id, fmt::format("{}", seen++));
                results.insert(results.end(), r.begin(), r.end());
              },
              options);
          ASSERT_EQ(results.size(), rows.size()) << where;
          for (size_t i = 0; i < rows.size(); ++i) expect_same_exit(results[i], alone[i], where);
          ASSERT_EQ(stats.rows, static_cast<int64_t>(rows.size()));
          int64_t histogram = 0;
          for (int64_t n : stats.exit_histogram) histogram += n;
          ASSERT_EQ(histogram, stats.rows);
        }
      }
    }
  }
}

// Rows that are answered do not wait for input that has not come.
TEST(Conveyor, AnswersWhatIsThereBeforeItWaits) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  const Engine engine(dir.path());
  for (int64_t threads : {1, 2}) {
    for (Mode mode : {Mode::throughput, Mode::latency}) {
      RunOptions options;
      options.threads = threads;
      options.mode = mode;
      int64_t given = 0, seen = 0;
      engine.run(
          [&](Example& row, bool may_block) {
            if (given == 50) return ReadStatus::end;
            if (!may_block) return ReadStatus::would_block;
            // The engine waits for it, so all before must have been answered.
            EXPECT_EQ(seen, given);
            row = Example();
            row.text_a = "w1 w2";
            ++given;
            return ReadStatus::row;
          },
          [&](std::span<const Example> rows, std::span<const Result>) {
            seen += static_cast<int64_t>(rows.size());
          },
          options);
      EXPECT_EQ(seen, 50);
    }
  }
}

// The rows of a batch that is far from full are computed together in the deep layers too: the
// number of layer runs is what the schedule promises, not one for each row.
TEST(Conveyor, LayersAreComputedForTokensThatAreStillThere) {
  TempDir dir;
  TinyShape shape;
  shape.layers = 4;
  write_tiny_checkpoint(dir.path(), shape);
  const Engine engine(dir.path());
  const auto rows = numbered_rows(tiny_texts(300, 8));
  RunOptions options;
  options.threads = 1;
  options.policy = ExitPolicy{.kind = PolicyKind::entropy, .thresholds = {0.6}};
  int64_t expected = 0;
  const auto results = engine.score(rows, options);
  for (const Result& r : results) expected += r.tokens * r.exit_layer;
  size_t next = 0;
  const RunStats stats = engine.run(
      [&](Example& row, bool) {
        if (next == rows.size()) return ReadStatus::end;
        row = rows[next++];
        return ReadStatus::row;
      },
      [](auto, auto) {}, options);
  EXPECT_EQ(stats.layer_tokens, expected);
}

}  // namespace
}  // namespace costeff
