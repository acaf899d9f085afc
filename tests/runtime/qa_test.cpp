// Engine::answer on small random models: an answer depends only on its question, and follows from the
// logits.

#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "base/error_of.h"
#include "base/format.h"
#include "base/utf8.h"
#include "runtime/qa/spans.h"
#include "test_random.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

Engine load_tiny(const TempDir& dir, const TinyShape& shape) {
  write_tiny_checkpoint(dir.path(), shape);
  return Engine(dir.path());
}

TinyShape odd_shape() {
  return {.dialect = "qa",
          .layers = 3,
          .hidden = 45,
          .head_size = 3,
          .heads = {5, 1, 2},
          .ffn = {51, 1, 9}};
}

// Questions of 0 to 8 words, contexts of 0 to 200, some of them not in the vocabulary.
std::vector<QaExample> random_questions(int64_t count, uint64_t seed) {
  std::mt19937_64 rng(seed);
  const auto words = [&](uint64_t n) {
    static const char* kOthers[] = {"na\xC3\xAFve", "\xE4\xBD\xA0\xE5\xA5\xBD", "\xF0\x9F\x98\x80",
                                    "x", "e\xCC\x81t\xC3\xA9"};
    std::string s;
    for (; n > 0; --n) {
      s += rng() % 10 == 0 ? kOthers[rng() % 5] : fmt::format("w{}", rng() % 100);
      s += rng() % 12 == 0 ? "\n" : " ";
    }
    return s;
  };
  std::vector<QaExample> all(static_cast<size_t>(count));
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].question = words(rng() % 9);
    all[i].context = words(rng() % (i % 3 ? 40 : 201));
    all[i].id = fmt::format("{}", i);
  }
  return all;
}

void expect_same(const QaAnswer& a, const QaAnswer& b, const std::string& what) {
  ASSERT_EQ(a.text, b.text) << what;
  ASSERT_EQ(a.begin, b.begin) << what;
  ASSERT_EQ(a.char_begin, b.char_begin) << what;
  ASSERT_EQ(a.char_end, b.char_end) << what;
  ASSERT_EQ(a.score, b.score) << what;  // bit for bit
  ASSERT_EQ(a.start_logit, b.start_logit) << what;
  ASSERT_EQ(a.end_logit, b.end_logit) << what;
}

void expect_same(const QaResult& a, const QaResult& b, const std::string& what) {
  expect_same(a.answer, b.answer, what);
  ASSERT_EQ(a.n_best.size(), b.n_best.size()) << what;
  for (size_t i = 0; i < a.n_best.size(); ++i) expect_same(a.n_best[i], b.n_best[i], what);
  ASSERT_EQ(a.null_score, b.null_score) << what;
  ASSERT_EQ(a.null_odds, b.null_odds) << what;
  ASSERT_EQ(a.windows, b.windows) << what;
  ASSERT_EQ(a.tokens, b.tokens) << what;
}

TEST(Qa, AnswersDoNotDependOnBatchOrderOrThreads) {
  for (const TinyShape& shape : {TinyShape{.dialect = "qa"}, odd_shape()}) {
    TempDir dir;
    const Engine engine = load_tiny(dir, shape);
    ASSERT_TRUE(engine.info().question_answering);
    const auto questions = random_questions(60, test_seed());
    QaOptions options;
    options.version_2 = true;
    options.threads = 1;
    options.batch_tokens = 100000;
    const auto together = engine.answer(questions, options);
    ASSERT_EQ(together.size(), questions.size());
    EXPECT_TRUE(std::any_of(together.begin(), together.end(),
                            [](const QaResult& r) { return r.windows > 4; }));

    for (int64_t batch_tokens : {1, 70, 500}) {
      for (int64_t threads : {1, 2, 3}) {
        options.batch_tokens = batch_tokens;
        options.threads = threads;
        const auto again = engine.answer(questions, options);
        ASSERT_EQ(again.size(), questions.size());
        for (size_t i = 0; i < questions.size(); ++i) {
          expect_same(again[i], together[i], fmt::format("question {}", i));
        }
      }
    }
    std::vector<QaExample> backwards(questions.rbegin(), questions.rend());
    const auto mixed = engine.answer(backwards, options);
    for (size_t i = 0; i < mixed.size(); ++i)
      expect_same(mixed[i], together[mixed.size() - 1 - i], "backwards");
  }
}

// The windows made by hand from the token ids of question and context, one at a time through
// score(), give the answer that answer() gives.
TEST(Qa, AnswersAreThoseOfTheWindowsLogits) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {.dialect = "qa"});
  std::mt19937_64 rng(test_seed() + 1);
  for (int round = 0; round < 40; ++round) {
    QaExample example;
    std::vector<int32_t> question, context;
    std::vector<text::Span> spans;
    for (uint64_t n = rng() % 6; n > 0; --n) {
      question.push_back(static_cast<int32_t>(5 + rng() % 100));
      example.question += fmt::format("w{} ", question.back() - 5);
    }
    for (uint64_t n = 1 + rng() % 90; n > 0; --n) {
      context.push_back(static_cast<int32_t>(5 + rng() % 100));
      const auto begin = static_cast<int32_t>(example.context.size());
      example.context += fmt::format("w{}", context.back() - 5);
      spans.push_back({begin, static_cast<int32_t>(example.context.size())});
      example.context += ' ';
    }
    QaOptions options;
    options.max_length = 20;
    options.doc_stride = static_cast<int64_t>(rng() % 8);
    options.version_2 = round % 2;
    const int64_t width = 20 - 3 - static_cast<int64_t>(question.size()),
                  total = static_cast<int64_t>(context.size());
    runtime::SpanSearch search;
    int64_t windows = 0;
    for (int64_t first = 0;; first += width - options.doc_stride) {
      const int64_t end = std::min(first + width, total);
      Example row;
      row.has_ids = true;
      row.input_ids = {2};
      row.input_ids.insert(row.input_ids.end(), question.begin(), question.end());
      row.input_ids.push_back(3);
      const auto head = static_cast<int64_t>(row.input_ids.size());
      row.input_ids.insert(row.input_ids.end(), context.begin() + first, context.begin() + end);
      row.input_ids.push_back(3);
      row.token_type_ids.assign(row.input_ids.size(), 1);
      std::fill_n(row.token_type_ids.begin(), head, 0);
      const auto scored = engine.score({&row, 1});
      ASSERT_EQ(scored[0].token_logits.size(), 2 * row.input_ids.size());
      ASSERT_EQ(scored[0].exit_layer, 4);
      runtime::search_window(scored[0].token_logits, head,
                             std::span(spans).subspan(first, end - first), options, &search);
      ++windows;
      if (end == total) break;
    }
    QaResult expected;
    runtime::finish_search(search, example.context, options, &expected);
    const auto results = engine.answer(std::span<const QaExample>(&example, 1), options);
    ASSERT_EQ(results.size(), 1u);
    ASSERT_EQ(results[0].windows, windows);
    expect_same(results[0].answer, expected.answer, fmt::format("round {}", round));
    ASSERT_EQ(results[0].n_best.size(), expected.n_best.size());
    ASSERT_EQ(results[0].null_odds, expected.null_odds);
  }
}

TEST(Qa, OffsetsAreThoseOfTheText) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {.dialect = "qa"});
  const auto questions = random_questions(60, test_seed() + 2);
  const auto results = engine.answer(questions);
  for (size_t i = 0; i < questions.size(); ++i) {
    const std::string& context = questions[i].context;
    for (const QaAnswer& a : results[i].n_best) {
      ASSERT_EQ(a.text,
                context.substr(static_cast<size_t>(a.begin), static_cast<size_t>(a.end - a.begin)));
      std::vector<size_t> starts;  // of every code point, and the end
      bool bad = false;
      for (size_t at = 0; at < context.size(); next_code_point(context, &at, &bad))
        starts.push_back(at);
      starts.push_back(context.size());
      ASSERT_EQ(starts[static_cast<size_t>(a.char_begin)], static_cast<size_t>(a.begin));
      ASSERT_EQ(starts[static_cast<size_t>(a.char_end)], static_cast<size_t>(a.end));
    }
  }
}

TEST(Qa, ReadsBytesThatAreNotUtf8) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {.dialect = "qa"});
  const QaExample example{
      .question = "w1", .context = "w2 \xFF\xFE w3 \xE4\xB8", .id = "", .place = ""};
  const auto results = engine.answer(std::span<const QaExample>(&example, 1));
  EXPECT_TRUE(results[0].bad_utf8);
  EXPECT_NE(results[0].answer.text, "");
}

// Rows before the wrong one reach the sink; so do rows read before a stop.
TEST(Qa, ErrorsComeBehindTheAnswersBeforeThem) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {.dialect = "qa"});
  auto questions = random_questions(30, test_seed() + 3);
  std::string many;
  for (int i = 0; i < 62; ++i) many += "w1 ";
  questions[20].question = many;
  questions[20].place = "dev.json: data[0]";
  for (int64_t threads : {1, 3}) {
    size_t next = 0, answered = 0;
    QaOptions options;
    options.threads = threads;
    try {
      engine.answer(
          [&](QaExample& row, bool) {
            if (next == questions.size()) return ReadStatus::end;
            row = questions[next++];
            return ReadStatus::row;
          },
          [&](std::span<const QaExample> rows, std::span<const QaResult> results) {
            ASSERT_EQ(rows.size(), results.size());
            for (const QaExample& row : rows) {
              ASSERT_EQ(row.id, fmt::format("{}", answered++));
              ASSERT_EQ(row.context, questions[answered - 1].context);
            }
          },
          options);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::input);
      EXPECT_EQ(std::string(e.what()),
                "dev.json: data[0]: the question has 62 tokens, which leaves no room for the "
                "context in 64");
    }
    EXPECT_EQ(answered, 20u);
  }
}

TEST(Qa, StatsCountQuestionsAndWindows) {
  TempDir dir;
  const Engine engine = load_tiny(dir, {.dialect = "qa"});
  const auto questions = random_questions(25, test_seed() + 4);
  int64_t windows = 0, tokens = 0;
  for (const QaResult& r : engine.answer(questions)) {
    windows += r.windows;
    tokens += r.tokens;
  }
  size_t next = 0;
  const QaStats stats = engine.answer(
      [&](QaExample& row, bool) {
        if (next == questions.size()) return ReadStatus::end;
        row = questions[next++];
        return ReadStatus::row;
      },
      [](auto, auto) {}, {});
  EXPECT_EQ(stats.questions, 25);
  EXPECT_EQ(stats.windows, windows);
  EXPECT_EQ(stats.run.rows, windows);
  EXPECT_EQ(stats.run.tokens, tokens);
  EXPECT_EQ(stats.bad_utf8_questions, 0);
}

std::string usage_error(const Engine& engine, const QaOptions& options) {
  return error_of(ErrorKind::usage, [&] { engine.answer(std::span<const QaExample>(), options); });
}

TEST(Qa, RefusesOptionsThatDoNotFit) {
  TempDir dir, other;
  const Engine engine = load_tiny(dir, {.dialect = "qa"});
  EXPECT_EQ(usage_error(engine, {}), "");
  EXPECT_EQ(usage_error(engine, {.max_length = 65}), "max length 65, expected 1 to 64");
  EXPECT_EQ(usage_error(engine, {.doc_stride = -2}), "document stride -2, expected -1 to 64");
  EXPECT_EQ(usage_error(engine, {.max_answer_length = 0}),
            "max answer length 0, expected 1 to 1073741824");
  EXPECT_EQ(usage_error(engine, {.n_best = 1001}), "n-best 1001, expected 1 to 1000");
  EXPECT_EQ(usage_error(engine, {.null_threshold = std::numeric_limits<double>::quiet_NaN()}),
            "null threshold is not a number");
  const Engine classifier = load_tiny(other, {.dialect = "plain"});
  EXPECT_EQ(
      usage_error(classifier, {}),
      "the model has no question answering head (qa_outputs): it is " + classifier.info().dialect);
}

}  // namespace
}  // namespace costeff
