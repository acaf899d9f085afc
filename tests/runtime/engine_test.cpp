// The engine's promises, on small random models of every shape: a row's answer depends on nothing else.

#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>

#include "base/error_of.h"
#include "base/format.h"
#include "test_random.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

Engine load_tiny(const TempDir& dir, const TinyShape& shape, const LoadOptions& options = {}) {
  write_tiny_checkpoint(dir.path(), shape);
  return Engine(dir.path(), options);
}

std::vector<Example> rows_of(const std::vector<std::string>& texts) {
  std::vector<Example> rows(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) rows[i].text_a = texts[i];
  return rows;
}

ExitPolicy entropy_below(double threshold) {
  ExitPolicy p;
  p.kind = PolicyKind::entropy;
  p.thresholds = {threshold};
  return p;
}

RunOptions run_options(const ExitPolicy& policy, int64_t threads = 1, int64_t batch_tokens = 0) {
  RunOptions o;
  o.policy = policy;
  o.threads = threads;
  o.batch_tokens = batch_tokens;
  return o;
}

void expect_same(const Result& a, const Result& b, const std::string& what) {
  ASSERT_EQ(a.exit_layer, b.exit_layer) << what;
  ASSERT_EQ(a.label, b.label) << what;
  ASSERT_EQ(a.logits, b.logits) << what;  // bit for bit
  ASSERT_EQ(a.probs, b.probs) << what;
  ASSERT_EQ(a.entropy, b.entropy) << what;
}

std::vector<TinyShape> shapes() {
  std::vector<TinyShape> all(8);
  all[0].dialect = "plain";
  all[1].dialect = "deebert";
  all[2] = {.dialect = "deebert",
            .hidden = 45,
            .head_size = 3,
            .heads = {5, 1, 2, 4},
            .ffn = {510, 1, 9, 64}};
  all[3] = {.dialect = "costeff", .heads = {2}, .ffn = {13}, .rank = 5, .pooler_dense = true};
  all[4] = {.dialect = "costeff", .heads = {3}, .ffn = {40}, .pooling_mode = "avg"};
  all[5] = {.dialect = "costeff", .heads = {1}, .ffn = {16}, .rank = 7, .last_n_hidden = 3};
  all[6] = {.dialect = "costeff",
            .heads = {2},
            .ffn = {16},
            .pooling_mode = "avg",
            .hidden_mode = "avg",
            .last_n_hidden = 2};
  all[7] = {
      .dialect = "costeff", .heads = {2}, .ffn = {16}, .pooling_mode = "avg", .last_n_hidden = 4};
  for (const TinyShape& own : tiny_own_shapes()) all.push_back(own);
  return all;
}

class EngineShapes : public testing::TestWithParam<int> {
 protected:
  TinyShape shape() const { return shapes()[static_cast<size_t>(GetParam())]; }
};
INSTANTIATE_TEST_SUITE_P(All, EngineShapes, testing::Range(0, 12));

TEST_P(EngineShapes, AnswersDoNotDependOnBatchOrderOrThreads) {
  TempDir dir;
  const Engine engine = load_tiny(dir, shape());
  const auto rows = rows_of(tiny_texts(80, test_seed()));
  const auto policy = entropy_below(0.8);
  const auto together = engine.score(rows, run_options(policy, 1, 100000));
  ASSERT_EQ(together.size(), rows.size());

  for (int64_t batch_tokens : {1, 7, 64, 500}) {
    for (int64_t threads : {1, 2, 3}) {
      const auto again = engine.score(rows, run_options(policy, threads, batch_tokens));
      ASSERT_EQ(again.size(), rows.size());
      for (size_t i = 0; i < rows.size(); ++i)
        expect_same(again[i], together[i], fmt::format("row {}", i));
    }
  }
  std::vector<size_t> order(rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937_64(test_seed()));
  std::vector<Example> shuffled;
  for (size_t i : order) shuffled.push_back(rows[i]);
  const auto mixed = engine.score(shuffled, run_options(policy, 2, 200));
  for (size_t i = 0; i < order.size(); ++i) expect_same(mixed[i], together[order[i]], "shuffled");
}

// A row that leaves early gets the answer that its exit gives in a run to the last layer, bit for bit:
// compaction and the trimmed last layer change nothing.
TEST_P(EngineShapes, EarlyAnswersAreThoseOfAllExits) {
  TempDir dir;
  const Engine engine = load_tiny(dir, shape());
  const auto rows = rows_of(tiny_texts(60, test_seed() + 1));
  for (double threshold : {0.0, 0.5, 0.8, 1.0, 5.0}) {
    auto options = run_options(entropy_below(threshold), 2, 150);
    const auto early = engine.score(rows, options);
    options.all_exits = true;
    const auto full = engine.score(rows, options);
    for (size_t i = 0; i < rows.size(); ++i) {
      expect_same(early[i], full[i], fmt::format("threshold {}", threshold));
      ASSERT_EQ(full[i].exits.size(), engine.info().exits.size());
      int64_t first = full[i].exits.back().layer;
      for (const ExitOutput& e : full[i].exits) {
        if (static_cast<double>(e.entropy) < threshold && e.layer < first) first = e.layer;
      }
      ASSERT_EQ(early[i].exit_layer, first);
    }
  }
}

TEST_P(EngineShapes, FixedLayerIsThatExit) {
  TempDir dir;
  const Engine engine = load_tiny(dir, shape());
  const auto rows = rows_of(tiny_texts(20, test_seed() + 2));
  auto options = run_options({});
  options.all_exits = true;
  const auto full = engine.score(rows, options);
  for (size_t e = 0; e < engine.info().exits.size(); ++e) {
    ExitPolicy fixed;
    fixed.kind = PolicyKind::fixed;
    fixed.layer = engine.info().exits[e].layer;
    const auto at = engine.score(rows, run_options(fixed, 2, 90));
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(at[i].exit_layer, fixed.layer);
      ASSERT_EQ(at[i].logits, full[i].exits[e].logits);
    }
  }
}

TEST_P(EngineShapes, PortableAgreesWithReference) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), shape());
  const Engine portable(dir.path(), {.isa = "portable"}),
      reference(dir.path(), {.isa = "reference"});
  const auto rows = rows_of(tiny_texts(20, test_seed() + 3));
  auto options = run_options({});
  options.all_exits = true;
  const auto a = portable.score(rows, options), b = reference.score(rows, options);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t e = 0; e < a[i].exits.size(); ++e) {
      for (size_t c = 0; c < a[i].exits[e].logits.size(); ++c) {
        ASSERT_NEAR(a[i].exits[e].logits[c], b[i].exits[e].logits[c], 5e-5);
      }
    }
  }
}

TEST(Engine, ThresholdsAtTheEnds) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  const auto rows = rows_of(tiny_texts(40, 5));
  for (const Result& r : engine.score(rows, run_options(entropy_below(0))))
    EXPECT_EQ(r.exit_layer, 4);
  for (const Result& r : engine.score(rows, run_options(entropy_below(std::log(3.0) + 1e-3))))
    EXPECT_EQ(r.exit_layer, 1);
  auto late = entropy_below(5);
  late.exit_start = 3;
  for (const Result& r : engine.score(rows, run_options(late))) EXPECT_EQ(r.exit_layer, 3);
}

TEST(Engine, AHigherThresholdNeverLeavesLater) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  const auto rows = rows_of(tiny_texts(60, 6));
  auto before = engine.score(rows, run_options(entropy_below(0)));
  for (double threshold = 0.05; threshold < 1.2; threshold += 0.05) {
    const auto now = engine.score(rows, run_options(entropy_below(threshold)));
    for (size_t i = 0; i < rows.size(); ++i) ASSERT_LE(now[i].exit_layer, before[i].exit_layer);
    before = now;
  }
}

TEST(Engine, OneThresholdALayer) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  auto policy = entropy_below(0);
  policy.thresholds = {0, 5, 0};
  for (const Result& r : engine.score(rows_of(tiny_texts(9, 7)), run_options(policy)))
    EXPECT_EQ(r.exit_layer, 2);
  policy.thresholds = {0, 5};
  EXPECT_THROW(engine.score(rows_of({"w1"}), run_options(policy)), Error);
}

// With padding the mean counts [PAD] positions, as in COST-EFF's code, but no token attends to them. If
// the first token is read they change nothing.
TEST(Engine, PaddingOnRequest) {
  TempDir dir, mean_dir;
  const Engine first = load_tiny(dir, {});
  const Engine mean =
      load_tiny(mean_dir, {.dialect = "costeff", .heads = {2}, .ffn = {8}, .pooling_mode = "avg"});
  const auto rows = rows_of(tiny_texts(10, 8));
  auto options = run_options({}), padded = options;
  padded.pad_to = 60;
  const auto a = first.score(rows, options), b = first.score(rows, padded);
  for (size_t i = 0; i < rows.size(); ++i) expect_same(a[i], b[i], "first token");
  const auto c = mean.score(rows, options), d = mean.score(rows, padded);
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_NE(c[i].logits, d[i].logits);
}

TEST(Engine, OwnIdsAreTheTokenizersIds) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  Example text, ids;
  text.text_a = "w3 w7";
  text.text_b = "w9";
  ids.has_ids = true;
  ids.input_ids = {2, 8, 12, 3, 14, 3};
  ids.token_type_ids = {0, 0, 0, 0, 1, 1};
  const auto r = engine.score(std::vector<Example>{text, ids});
  expect_same(r[0], r[1], "ids");
  EXPECT_EQ(r[0].tokens, 6);
}

std::string input_error(const Engine& engine, Example row) {
  row.has_ids = true;
  row.source = "rows.jsonl";
  row.line = 7;
  return error_of(ErrorKind::input, [&] { engine.score(std::vector<Example>{row}); });
}

TEST(Engine, WrongIdsAreNamed) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  Example row;
  EXPECT_EQ(input_error(engine, row), "rows.jsonl:7: input_ids is empty, expected at least one id");
  row.input_ids = {2, 105};
  EXPECT_EQ(input_error(engine, row), "rows.jsonl:7: input_ids: id 105, expected 0 to 104");
  row.input_ids = {2, -1};
  EXPECT_EQ(input_error(engine, row), "rows.jsonl:7: input_ids: id -1, expected 0 to 104");
  row.input_ids = {2, 3};
  row.token_type_ids = {0};
  EXPECT_EQ(input_error(engine, row),
            "rows.jsonl:7: token_type_ids: 1 types, expected as many as input_ids: 2");
  row.token_type_ids = {0, 2};
  EXPECT_EQ(input_error(engine, row), "rows.jsonl:7: token_type_ids: type 2, expected 0 to 1");
  row.token_type_ids.clear();
  row.input_ids.assign(65, 2);
  EXPECT_EQ(input_error(engine, row), "rows.jsonl:7: input_ids: 65 ids, expected at most 64");
}

// Rows before a wrong one are answered, in order, with any number of threads; none after it is.
TEST(Engine, RowsBeforeAnErrorReachTheSink) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  for (int64_t threads : {1, 2, 4}) {
    int64_t next = 0, seen = 0;
    const auto source = [&](Example& row, bool) {
      row = Example();
      row.has_ids = true;
      row.input_ids = {2, next == 1234 ? 999 : static_cast<int32_t>(5 + next % 90), 3};
      row.id = fmt::format("{}", next++);
      return next > 3000 ? ReadStatus::end : ReadStatus::row;
    };
    const auto sink = [&](std::span<const Example> rows, std::span<const Result> results) {
      ASSERT_EQ(rows.size(), results.size());
      for (const Example& r : rows) ASSERT_EQ(r.id, fmt::format("{}", seen++));
    };
    EXPECT_THROW(engine.run(source, sink, run_options({}, threads, 100)), Error);
    EXPECT_EQ(seen, 1234);
  }
}

TEST(Engine, AWouldBlockingSourceIsAnsweredAtOnce) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  int64_t asked = 0, answered = 0;
  const auto source = [&](Example& row, bool may_block) {
    if (!may_block) return ReadStatus::would_block;
    EXPECT_EQ(answered, asked);  // everything asked so far has been answered before we may wait
    if (asked == 5) return ReadStatus::end;
    row = Example();
    row.text_a = "w1 w2";
    ++asked;
    return ReadStatus::row;
  };
  const auto sink = [&](std::span<const Example> rows, std::span<const Result>) {
    answered += static_cast<int64_t>(rows.size());
  };
  const RunStats stats = engine.run(source, sink, run_options({}, 1));
  EXPECT_EQ(stats.rows, 5);
  EXPECT_EQ(answered, 5);
}

TEST(Engine, SinkAndSourceErrorsComeOut) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  for (int64_t threads : {1, 3}) {
    int64_t left = 500;
    const auto source = [&](Example& row, bool) {
      row = Example();
      row.text_a = "w1";
      if (left-- == 0) throw_input("x.txt:501: broken");
      return ReadStatus::row;
    };
    EXPECT_THROW(engine.run(
                     source, [](auto, auto) {}, run_options({}, threads)),
                 Error);
    left = 500;
    const auto sink = [](std::span<const Example>, std::span<const Result>) {
      throw_output("disk full");
    };
    EXPECT_THROW(engine.run(source, sink, run_options({}, threads)), Error);
  }
}

TEST(Engine, StopEndsTheRun) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  std::atomic<bool> stop{false};
  int64_t given = 0, seen = 0;
  const auto source = [&](Example& row, bool) {
    row = Example();
    row.text_a = "w1";
    if (++given == 1000) stop = true;
    return ReadStatus::row;
  };
  const auto sink = [&](std::span<const Example> rows, std::span<const Result> results) {
    for (const Result& r : results) EXPECT_GE(r.exit_layer, 1);
    seen += static_cast<int64_t>(rows.size());
  };
  for (int64_t threads : {1, 2}) {
    given = seen = 0;
    stop = false;
    engine.run(source, sink, run_options({}, threads), &stop);
    EXPECT_LE(given, 1001);
    EXPECT_LE(seen, given);
  }
}

TEST(Engine, StatsAddUp) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {});
  const auto rows = rows_of(tiny_texts(50, 9));
  size_t next = 0;
  int64_t tokens = 0, layer_tokens = 0;
  const RunStats s = engine.run(
      [&](Example& row, bool) {
        if (next == rows.size()) return ReadStatus::end;
        row = rows[next++];
        return ReadStatus::row;
      },
      [&](std::span<const Example>, std::span<const Result> results) {
        for (const Result& r : results) {
          tokens += r.tokens;
          layer_tokens += r.tokens * r.exit_layer;
        }
      },
      run_options(entropy_below(0.8), 2));
  EXPECT_EQ(s.rows, 50);
  EXPECT_EQ(s.tokens, tokens);
  EXPECT_EQ(s.layer_tokens, layer_tokens);
  int64_t histogram = 0;
  for (int64_t n : s.exit_histogram) histogram += n;
  EXPECT_EQ(histogram, 50);
}

TEST(Engine, WrongOptionsAreUsageErrors) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  const auto usage = [](auto&& f) { return !error_of(ErrorKind::usage, f).empty(); };
  EXPECT_TRUE(usage([&] { Engine(dir.path(), {.isa = "sse9"}); }));
  const Engine engine(dir.path());
  const auto score = [&](const RunOptions& o) { engine.score(rows_of({"w1"}), o); };
  RunOptions o;
  o.encode.max_length = 65;
  EXPECT_TRUE(usage([&] { score(o); }));
  o.encode.max_length = 2;
  EXPECT_FALSE(usage([&] { score(o); }));
  o.encode.max_length = 1;  // less than [CLS] [SEP]
  EXPECT_TRUE(usage([&] { score(o); }));
  o = {};
  o.pad_to = 65;
  EXPECT_TRUE(usage([&] { score(o); }));
  ExitPolicy fixed;
  fixed.kind = PolicyKind::fixed;
  fixed.layer = 9;
  EXPECT_TRUE(usage([&] { score(run_options(fixed)); }));
}

// By default texts are cut to the tokenizer's model_max_length; the model's positions remain the limit.
TEST(Engine, ModelMaxLengthOfTheTokenizer) {
  const struct {
    const char* config;
    int64_t asked, tokens, default_length;
  } kCases[] = {
      {"{}", 0, 64, 64},
      {R"({"model_max_length": 1000000000000000019884624838656})", 0, 64, 64},
      {R"({"model_max_length": 512})", 0, 64, 64},
      {R"({"model_max_length": 10})", 0, 10, 10},
      {R"({"model_max_length": 10})", 6, 6, 10},
      {R"({"model_max_length": 10})", 64, 64, 10},
      {R"({"max_len": 12})", 0, 12, 12},
  };
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("w{} ", i);
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.config);
    TempDir dir;
    write_tiny_checkpoint(dir.path(), {});
    write_file(dir.file("tokenizer_config.json"), c.config);
    const Engine engine(dir.path());
    EXPECT_EQ(engine.info().max_length, 64);
    EXPECT_EQ(engine.info().default_max_length, c.default_length);
    RunOptions o;
    o.encode.max_length = c.asked;
    std::vector<Example> rows = rows_of({text});
    EXPECT_EQ(engine.score(rows, o)[0].tokens, c.tokens);
    if (c.asked != 0) continue;
    // A row's own ids are not cut: all positions are theirs.
    rows[0].has_ids = true;
    rows[0].input_ids.assign(64, 2);
    EXPECT_EQ(engine.score(rows, o)[0].tokens, 64);
  }
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  write_file(dir.file("tokenizer_config.json"), R"({"model_max_length": 1})");
  const Engine engine(dir.path());
  EXPECT_NE(error_of(ErrorKind::model, [&] { engine.score(rows_of({"w1"}), {}); })
                .find("tokenizer_config.json: model_max_length is 1, and a text has 2 special"),
            std::string::npos);
}

// truncation_side left: the end of the text is read.
TEST(Engine, TruncationSideLeft) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  write_file(dir.file("tokenizer_config.json"), R"({"truncation_side": "left"})");
  const Engine engine(dir.path());
  RunOptions o;
  o.encode.max_length = 5;
  const std::vector<Result> got = engine.score(rows_of({"w1 w2 w3 w4 w5", "w3 w4 w5"}), o);
  EXPECT_EQ(got[0].probs, got[1].probs);
  EXPECT_TRUE(got[0].truncated);
  EXPECT_FALSE(got[1].truncated);
}

// Without a post-processor an empty text has no token at all.
TEST(Engine, TextsWithoutTokensAreRefused) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  std::filesystem::remove(dir.file("vocab.txt"));
  write_file(dir.file("tokenizer_config.json"), R"({"tokenizer_class": "TokenizersBackend"})");
  write_file(dir.file("tokenizer.json"), R"({"pre_tokenizer": {"type": "WhitespaceSplit"},
    "model": {"type": "WordLevel", "unk_token": "u", "vocab": {"u": 0, "w1": 1}}})");
  const Engine engine(dir.path());
  EXPECT_EQ(engine.score(rows_of({"w1 x"}), {})[0].tokens, 2);
  EXPECT_NE(error_of(ErrorKind::input, [&] { engine.score(rows_of({" "}), {}); }).find("no tokens"),
            std::string::npos);
}

// A weight that is not a number is an error when its layer is first used, not a row of NaN.
TEST(Engine, WeightsThatAreNotFiniteAreNamed) {
  for (const char* name :
       {"bert.encoder.layer.1.output.dense.weight", "classifier.bias",
        "bert.embeddings.LayerNorm.weight", "bert.embeddings.word_embeddings.weight"}) {
    TempDir dir;
    TinyTensors tensors = tiny_tensors({});
    write_tiny_checkpoint(dir.path(), {});
    for (float& v : tensors[name].values) v = std::nanf("");
    write_safetensors(dir.file("model.safetensors"), tensors);
    const Engine engine(dir.path());
    const std::string error =
        error_of(ErrorKind::model, [&] { engine.score(rows_of({"w1 w2"}), run_options({})); });
    EXPECT_NE(error.find(name), std::string::npos) << name << ": " << error;
  }
}

}  // namespace
}  // namespace costeff
