// Texts longer than the model, read in windows: each window is what its tokens alone would give.

#include <costeff/engine.h>
#include <costeff/exit_table.h>
#include <costeff/tokenizer.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error_of.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

constexpr int64_t kMaxLength = 16, kStride = 5;

std::string words(int64_t count, int64_t seed) {
  std::string text;
  for (int64_t i = 0; i < count; ++i)
    text += "w" + std::to_string((i * 37 + seed * 11) % 100) + " ";
  return text;
}

// Texts of 0 to 70 words, and pairs whose first text has three.
std::vector<Example> texts() {
  std::vector<Example> rows;
  for (const int64_t n : {0, 1, 14, 15, 16, 29, 70, 3}) {
    rows.emplace_back().text_a = words(n, n);
    rows.emplace_back().text_a = words(3, n);
    rows.back().text_b = words(n, n + 1);
  }
  return rows;
}

RunOptions documents(WindowJoin join = WindowJoin::mean) {
  RunOptions o;
  o.encode.max_length = kMaxLength;
  o.doc_stride = kStride;
  o.join = join;
  o.windows = true;
  o.threads = 1;
  o.policy = ExitPolicy{};
  return o;
}

// The ids of a row's windows, worked out from those of the whole.
std::vector<std::vector<int32_t>> windows_of(const Tokenizer& tokenizer, const Example& row) {
  Tokens whole;
  tokenizer.encode(row, {}, &whole);
  const auto n = static_cast<int64_t>(whole.ids.size());
  if (n <= kMaxLength) return {whole.ids};
  const int8_t side = row.text_b ? 1 : 0;
  const int64_t head = std::find(whole.text.begin(), whole.text.end(), side) - whole.text.begin();
  const int64_t tail = 1, width = kMaxLength - head - tail, step = width - kStride;
  std::vector<std::vector<int32_t>> out;
  for (int64_t begin = 0;; begin += step) {
    const int64_t end = std::min(begin + width, n - head - tail);
    std::vector<int32_t>& ids = out.emplace_back(whole.ids.begin(), whole.ids.begin() + head);
    ids.insert(ids.end(), whole.ids.begin() + head + begin, whole.ids.begin() + head + end);
    ids.push_back(whole.ids.back());
    if (end == n - head - tail) return out;
  }
}

struct Documents : testing::Test {
  TempDir dir;
  std::vector<Example> rows = texts();
  Engine load(const TinyShape& shape = {}, const char* problem = nullptr) {
    write_tiny_checkpoint(dir.path(), shape);
    if (problem) {
      std::string config = read_whole_file(dir.file("config.json"));
      config.insert(1, std::string("\"problem_type\":\"") + problem + "\",");
      write_file(dir.file("config.json"), config);
    }
    return Engine(dir.path());
  }
};

TEST_F(Documents, EachWindowIsItsTokensAlone) {
  const Engine engine = load();
  const Tokenizer tokenizer(dir.path());
  const std::vector<Result> results = engine.score(rows, documents());
  RunOptions alone;
  alone.threads = 1;
  alone.policy = ExitPolicy{};
  int64_t many = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto ids = windows_of(tokenizer, rows[i]);
    ASSERT_EQ(results[i].window_count, static_cast<int64_t>(ids.size())) << i;
    ASSERT_EQ(results[i].windows.size(), ids.size());
    many += ids.size() > 2;
    int64_t tokens = 0;
    std::vector<double> mean(3);
    for (size_t w = 0; w < ids.size(); ++w) {
      Example window;
      window.has_ids = true;
      window.input_ids = ids[w];
      // Of a pair the window has type 1.
      const auto sep =
          static_cast<size_t>(std::find(ids[w].begin(), ids[w].end(), 3) - ids[w].begin());
      window.token_type_ids.assign(ids[w].size(), 0);
      for (size_t t = sep + 1; rows[i].text_b && t < ids[w].size(); ++t)
        window.token_type_ids[t] = 1;
      const Result r = engine.score(std::vector{window}, alone).front();
      EXPECT_EQ(results[i].windows[w].logits, r.logits) << i << " " << w;
      tokens += static_cast<int64_t>(ids[w].size());
      for (size_t c = 0; c < 3; ++c)
        mean[c] += static_cast<double>(r.probs[c]) / static_cast<double>(ids.size());
    }
    EXPECT_EQ(results[i].tokens, tokens);
    double entropy = 0;
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(results[i].probs[c], mean[c], 1e-6);
      entropy -= mean[c] * std::log(mean[c]);
    }
    EXPECT_NEAR(results[i].entropy, entropy, 1e-5);
    EXPECT_FALSE(results[i].truncated);
  }
  EXPECT_GT(many, 2);
}

TEST_F(Documents, SameBitsForAnyThreadsAndBatches) {
  const Engine engine = load();
  RunOptions options = documents();
  options.policy = ExitPolicy{.kind = PolicyKind::entropy, .thresholds = {1.05}};
  const std::vector<Result> first = engine.score(rows, options);
  for (const int64_t threads : {1, 3}) {
    for (const int64_t batch : {1, 40, 1000}) {
      options.threads = threads;
      options.batch_tokens = batch;
      const std::vector<Result> again = engine.score(rows, options);
      for (size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(again[i].probs, first[i].probs);
        EXPECT_EQ(again[i].entropy, first[i].entropy);
        EXPECT_EQ(again[i].exit_layer, first[i].exit_layer);
      }
    }
  }
}

TEST_F(Documents, ShortTextsAreAsWithoutWindows) {
  const Engine engine = load();
  RunOptions cut = documents();
  cut.doc_stride = -1;
  const std::vector<Result> with = engine.score(rows, documents()),
                            without = engine.score(rows, cut);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(with[i].window_count > 1, without[i].truncated) << i;
    if (!without[i].truncated) {
      EXPECT_EQ(with[i].logits, without[i].logits);
    }
    // Of single texts the first window is what cutting leaves.
    const Result first = engine.score(std::vector{rows[i]}, documents(WindowJoin::first)).front();
    EXPECT_EQ(first.window_count, 1);
    EXPECT_EQ(first.truncated, without[i].truncated);
    if (!rows[i].text_b) {
      EXPECT_EQ(first.logits, without[i].logits);
    }
  }
}

// What eval computes from one pass over all windows is what infer answers.
TEST_F(Documents, JoinedDecisionsAreTheEngines) {
  for (const char* problem : {"single_label_classification", "multi_label_classification"}) {
    const Engine engine = load({}, problem);
    for (const WindowJoin join : {WindowJoin::mean, WindowJoin::max}) {
      RunOptions all = documents(join);
      all.all_exits = true;
      ExitTable table;
      std::vector<int64_t> first{0};
      for (const Result& r : engine.score(rows, all)) {
        append(r.windows, engine.info().problem, &table);
        first.push_back(table.rows());
      }
      std::vector<ExitPolicy> policies(5);
      policies[1] = {.kind = PolicyKind::entropy, .thresholds = {0.69}};
      policies[2] = {.kind = PolicyKind::patience, .thresholds = {}, .patience = 1};
      policies[3] = {.kind = PolicyKind::fixed, .thresholds = {}, .patience = 0, .layer = 2};
      policies[4] = {.kind = PolicyKind::confident_patience, .thresholds = {1.09}, .patience = 2};
      policies[4].average = true;
      for (const ExitPolicy& policy : policies) {
        SCOPED_TRACE(policy_text(policy));
        RunOptions options = documents(join);
        options.policy = policy;
        const std::vector<Result> results = engine.score(rows, options);
        const std::vector<Decision> decisions = join_decisions(table, policy, first, join);
        ASSERT_EQ(decisions.size(), results.size());
        for (size_t i = 0; i < results.size(); ++i) {
          EXPECT_EQ(decisions[i].layer, results[i].exit_layer) << i;
          EXPECT_EQ(decisions[i].prob, results[i].prob) << i;
          EXPECT_EQ(decisions[i].entropy, results[i].entropy) << i;
          if (is_multi_label(engine.info())) {
            EXPECT_EQ(table.label_sets.at(static_cast<int32_t>(decisions[i].label)),
                      results[i].labels);
          } else {
            EXPECT_EQ(decisions[i].label, results[i].label) << i;
          }
        }
      }
    }
  }
}

TEST_F(Documents, ScoresOfARegressionAreJoined) {
  TinyShape shape;
  shape.labels = 1;
  const Engine engine = load(shape);
  for (const WindowJoin join : {WindowJoin::mean, WindowJoin::max}) {
    for (const Result& r : engine.score(rows, documents(join))) {
      double sum = 0, largest = -1e30;
      for (const Result& w : r.windows) {
        sum += static_cast<double>(w.logits[0]);
        largest = std::max(largest, static_cast<double>(w.logits[0]));
      }
      const double wanted =
          join == WindowJoin::max ? largest : sum / static_cast<double>(r.windows.size());
      EXPECT_NEAR(r.logits[0], wanted, 1e-6);
      EXPECT_TRUE(r.probs.empty());
    }
  }
}

TEST_F(Documents, WhatIsRefused) {
  const Engine engine = load();
  RunOptions wide = documents();
  wide.doc_stride = 14;
  EXPECT_EQ(error_of(ErrorKind::usage, [&] { (void)engine.score(rows, wide); }),
            "document stride 14, expected fewer than the 14 tokens of text in a window of 16");
  Example pair;
  pair.text_a = words(8, 1);
  pair.text_b = words(30, 1);
  pair.source = "in.tsv";
  pair.line = 7;
  const std::string room =
      error_of(ErrorKind::input, [&] { (void)engine.score(std::vector{pair}, documents()); });
  EXPECT_EQ(
      room,
      "in.tsv:7: the first text leaves room for 5 tokens of the second in a window of 16, expected "
      "more than the document stride, 5; a smaller one or a shorter first text helps");
  RunOptions skip = documents();
  skip.skip_bad_rows = true;
  const std::vector<Result> skipped = engine.score(std::vector{rows[0], pair, rows[6]}, skip);
  EXPECT_EQ(skipped[1].error, room);
  EXPECT_EQ(skipped[2].logits, engine.score(std::vector{rows[6]}, documents()).front().logits);
  EXPECT_EQ(error_of(ErrorKind::input, [&] { engine.check(pair, documents()); }), room);
}

}  // namespace
}  // namespace costeff
