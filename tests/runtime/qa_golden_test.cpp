// Every golden directory of a question answering model: start and end logits of every token, from
// the ids that the reference saw.

#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/format.h"
#include "golden/golden_data.h"
#include "shared_data.h"

namespace costeff {
namespace {

struct GoldenQa {
  std::string dir;
  std::vector<nlohmann::json> rows;
  double atol = 0;
};

std::vector<GoldenQa> golden_qa() {
  std::vector<GoldenQa> all;
  for (const auto& entry : std::filesystem::directory_iterator(shared_path("golden"))) {
    const std::string dir = entry.path().string();
    if (!std::filesystem::exists(dir + "/golden.jsonl")) continue;
    GoldenQa g{dir, read_json_lines(dir + "/golden.jsonl"), 0};
    if (g.rows.empty() || !g.rows[0].contains("start_logits")) continue;
    g.atol = read_json_file(dir + "/golden_meta.json").at("atol").get<double>();
    all.push_back(std::move(g));
  }
  return all;
}

std::vector<Example> rows_of(const GoldenQa& g) {
  std::vector<Example> rows;
  for (const auto& r : g.rows) {
    Example& row = rows.emplace_back();
    row.has_ids = true;
    row.input_ids = r.at("input_ids").get<std::vector<int32_t>>();
    row.token_type_ids = r.at("token_type_ids").get<std::vector<int32_t>>();
  }
  return rows;
}

TEST(QaGolden, LogitsOfEveryToken) {
  COSTEFF_NEED_SHARED("golden");
  const auto all = golden_qa();
  ASSERT_FALSE(all.empty());
  for (const GoldenQa& g : all) {
    for (const std::string& isa : available_isas()) {
      const Engine engine(g.dir, {.isa = isa});
      ASSERT_TRUE(engine.info().question_answering) << g.dir;
      const auto results = engine.score(rows_of(g));
      ASSERT_EQ(results.size(), g.rows.size());
      double worst = 0;
      for (size_t i = 0; i < results.size(); ++i) {
        const auto start = g.rows[i].at("start_logits").get<std::vector<double>>();
        const auto end = g.rows[i].at("end_logits").get<std::vector<double>>();
        const std::vector<float>& logits = results[i].token_logits;
        ASSERT_EQ(logits.size(), 2 * start.size());
        for (size_t t = 0; t < start.size(); ++t) {
          worst = std::max(worst, std::abs(static_cast<double>(logits[2 * t]) - start[t]));
          worst = std::max(worst, std::abs(static_cast<double>(logits[2 * t + 1]) - end[t]));
        }
      }
      EXPECT_LE(worst, g.atol) << g.dir << ", " << isa;
      RecordProperty("worst_" + isa, fmt::format("{}", worst));
    }
  }
}

TEST(QaGolden, LogitsDoNotDependOnBatchOrThreads) {
  COSTEFF_NEED_SHARED("golden");
  for (const GoldenQa& g : golden_qa()) {
    const Engine engine(g.dir);
    const auto rows = rows_of(g);
    RunOptions options;
    options.threads = 1;
    options.batch_tokens = 1 << 20;
    const auto together = engine.score(rows, options);
    for (int64_t batch_tokens : {1, 200}) {
      for (int64_t threads : {1, 3}) {
        options.batch_tokens = batch_tokens;
        options.threads = threads;
        const auto again = engine.score(rows, options);
        for (size_t i = 0; i < rows.size(); ++i)
          ASSERT_EQ(again[i].token_logits, together[i].token_logits);
      }
    }
  }
}

// The answer is the same whether answer() gets the texts, or it is made from the reference's ids and
// logits.
TEST(QaGolden, PairsAsQuestions) {
  COSTEFF_NEED_SHARED("golden");
  for (const GoldenQa& g : golden_qa()) {
    const Engine engine(g.dir);
    std::vector<QaExample> questions;
    std::vector<size_t> rows;
    for (size_t i = 0; i < g.rows.size(); ++i) {
      const auto& r = g.rows[i];
      const bool cut = static_cast<int64_t>(r.at("input_ids").size()) == engine.info().max_length;
      if (r.at("text_b").is_null() || cut) continue;
      questions.push_back({r.at("text_a"), r.at("text_b"), "", ""});
      rows.push_back(i);
    }
    const auto results = engine.answer(questions);
    for (size_t k = 0; k < rows.size(); ++k) {
      const auto& r = g.rows[rows[k]];
      EXPECT_EQ(results[k].windows, 1);
      EXPECT_EQ(results[k].tokens, static_cast<int64_t>(r.at("input_ids").size()));
      const double null =
          r.at("start_logits")[0].get<double>() + r.at("end_logits")[0].get<double>();
      EXPECT_NEAR(static_cast<double>(results[k].null_score), null, 2 * g.atol);
    }
    EXPECT_GT(rows.size(), 10u);
  }
}

}  // namespace
}  // namespace costeff
