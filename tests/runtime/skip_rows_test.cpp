// RunOptions::skip_bad_rows: rows that cannot be scored reach the sink in their places, and change
// nothing for the others.

#include <costeff/engine.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "test_random.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

// Every third row is bad: by its source, or because its ids are not in the model, or too many.
std::vector<Example> mixed_rows(int64_t count) {
  const auto texts = tiny_texts(count, 9);
  std::vector<Example> rows(texts.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    Example& row = rows[i];
    row.text_a = texts[i];
    row.source = "a.tsv";
    row.line = static_cast<int64_t>(i) + 1;
    if (i % 3 != 1) continue;
    if (i % 9 == 1) row.error = fmt::format("a.tsv:{}: cannot be read", i + 1);
    row.has_ids = i % 9 != 1;
    row.input_ids = i % 9 == 4 ? std::vector<int32_t>{2, 9999, 3} : std::vector<int32_t>(4000, 6);
  }
  return rows;
}

TEST(SkipRows, OthersAreAnsweredAsIfAlone) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  const Engine engine(dir.path());
  const auto rows = mixed_rows(400);
  std::vector<Example> good;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % 3 != 1) good.push_back(rows[i]);
  }
  RunOptions options;
  options.policy = ExitPolicy{};
  options.policy->kind = PolicyKind::entropy;
  options.policy->thresholds = {0.9};
  const auto alone = engine.score(good, options);
  for (const Mode mode : {Mode::throughput, Mode::latency}) {
    for (const int64_t threads : {1, 3}) {
      options.mode = mode;
      options.threads = threads;
      options.skip_bad_rows = true;
      size_t next = 0, seen = 0, at = 0;
      const RunStats stats = engine.run(
          [&](Example& row, bool) {
            if (next == rows.size()) return ReadStatus::end;
            row = rows[next++];
            return ReadStatus::row;
          },
          [&](auto examples, auto results) {
            for (size_t i = 0; i < examples.size(); ++i, ++seen) {
              ASSERT_EQ(examples[i].line, static_cast<int64_t>(seen) + 1);
              if (seen % 3 == 1) {
                EXPECT_EQ(results[i].error.rfind(fmt::format("a.tsv:{}: ", seen + 1), 0), 0u)
                    << results[i].error;
                continue;
              }
              EXPECT_EQ(results[i].error, "");
              EXPECT_EQ(results[i].logits, alone[at].logits);
              EXPECT_EQ(results[i].exit_layer, alone[at].exit_layer);
              ++at;
            }
          },
          options);
      EXPECT_EQ(seen, rows.size());
      EXPECT_EQ(stats.rows, static_cast<int64_t>(good.size()));
      EXPECT_EQ(stats.skipped_rows, static_cast<int64_t>(rows.size() - good.size()));
    }
  }
}

// Without skipping, each of the three kinds ends the run, with the message of check().
TEST(SkipRows, ElseTheyEndTheRun) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  const Engine engine(dir.path());
  const auto rows = mixed_rows(9);
  for (const size_t bad : {1, 4, 7}) {
    std::string of_run, of_check;
    try {
      engine.score({&rows[bad], 1});
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::input);
      of_run = e.what();
    }
    try {
      engine.check(rows[bad]);
    } catch (const Error& e) {
      of_check = e.what();
    }
    EXPECT_EQ(of_run.rfind(fmt::format("a.tsv:{}: ", bad + 1), 0), 0u) << of_run;
    EXPECT_EQ(of_check, of_run);
  }
  EXPECT_NO_THROW(engine.check(rows[0]));
}

struct EmptyCase {
  const char* text;
  std::optional<std::string> pair;
  bool is_empty;
};

TEST(SkipRows, RowsWithoutTextAreCounted) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  const Engine engine(dir.path());
  const EmptyCase cases[] = {{"", {}, true},        {" \t ", {}, true}, {"w1", {}, false},
                             {"", "", true},        {"", "w1", false},  {"w1", "", false},
                             {"\xC2\xA0", {}, true}};
  for (const EmptyCase& c : cases) {
    Example row;
    row.text_a = c.text;
    row.text_b = c.pair;
    EXPECT_EQ(engine.score({&row, 1})[0].empty, c.is_empty) << c.text;
  }
  Example ids;
  ids.has_ids = true;
  ids.input_ids = {2, 3};
  EXPECT_FALSE(engine.score({&ids, 1})[0].empty);
}

TEST(SkipRows, QuestionsToo) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {.dialect = "qa"});
  const Engine engine(dir.path());
  std::vector<QaExample> questions(30);
  for (size_t i = 0; i < questions.size(); ++i) {
    QaExample& q = questions[i];
    q.question = "w1 w2";
    q.context = tiny_texts(30, 3)[i];
    q.place = fmt::format("q:{}", i);
    if (i % 5 == 1) q.error = q.place + ": cannot be read";
    if (i % 5 == 3) {
      for (int k = 0; k < 30; ++k) q.question += " w1";
    }
  }
  QaOptions options;
  options.max_length = 20;
  options.doc_stride = 4;
  options.skip_bad_rows = true;
  for (const int64_t threads : {1, 3}) {
    options.threads = threads;
    const auto results = engine.answer(questions, options);
    ASSERT_EQ(results.size(), questions.size());
    for (size_t i = 0; i < results.size(); ++i) {
      const std::string& error = results[i].error;
      EXPECT_EQ(error.rfind(fmt::format("q:{}: ", i), 0) == 0, i % 5 == 1 || i % 5 == 3) << error;
      if (!error.empty()) continue;
      EXPECT_EQ(
          results[i].answer.text,
          engine.answer(std::span<const QaExample>(&questions[i], 1), options)[0].answer.text);
    }
  }
  EXPECT_THROW(engine.check(questions[1], options), Error);
  EXPECT_THROW(engine.check(questions[3], options), Error);
  EXPECT_NO_THROW(engine.check(questions[0], options));
}

}  // namespace
}  // namespace costeff
