#include "tasks/write/qa_writer.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace costeff::tasks {
namespace {

QaExample question(const std::string& id) {
  return {.question = "q", .context = "c", .id = id, .place = ""};
}

QaResult answered() {
  QaResult r;
  r.answer = {.text = "a\tb", .begin = 4, .end = 7, .char_begin = 3, .char_end = 6, .score = 0.75f};
  r.n_best = {r.answer,
              {.text = "c", .begin = 0, .end = 1, .char_begin = 0, .char_end = 1, .score = 0.25f}};
  r.null_odds = -1.5f;
  return r;
}

std::string written(const QaOutputOptions& options, const std::vector<std::string>& ids) {
  std::string out;
  append_qa_header(options, &out);
  for (size_t i = 0; i < ids.size(); ++i) {
    append_qa_row(question(ids[i]), answered(), options, static_cast<int64_t>(i), &out);
  }
  append_qa_footer(options, static_cast<int64_t>(ids.size()), &out);
  return out;
}

TEST(QaWriter, Columns) {
  EXPECT_EQ(written({.format = QaFormat::tsv}, {"\"x", "2"}),
            "id\tanswer\tstart\tend\tscore\nx\ta\\tb\t3\t6\t0.75\n2\ta\\tb\t3\t6\t0.75\n");
  EXPECT_EQ(written({.format = QaFormat::csv, .header = false}, {"\"x,y"}),
            "\"x,y\",a\tb,3,6,0.75\n");
}

TEST(QaWriter, Jsonl) {
  EXPECT_EQ(written({.format = QaFormat::jsonl}, {"\"x", "2"}),
            "{\"id\":\"x\",\"answer\":\"a\\tb\",\"start\":3,\"end\":6,\"score\":0.75}\n"
            "{\"id\":2,\"answer\":\"a\\tb\",\"start\":3,\"end\":6,\"score\":0.75}\n");
  EXPECT_EQ(written({.format = QaFormat::jsonl, .n_best = 5, .version_2 = true}, {"1"}),
            "{\"id\":1,\"answer\":\"a\\tb\",\"start\":3,\"end\":6,\"score\":0.75,\"null_odds\":-1."
            "5,\"nbest\":["
            "{\"answer\":\"a\\tb\",\"start\":3,\"end\":6,\"score\":0.75},"
            "{\"answer\":\"c\",\"start\":0,\"end\":1,\"score\":0.25}]}\n");
  QaResult r = answered();
  r.null_odds = std::numeric_limits<float>::infinity();
  std::string out;
  append_qa_row(question("1"), r, {.format = QaFormat::jsonl, .n_best = 1, .version_2 = true}, 0,
                &out);
  const auto row = nlohmann::json::parse(out);
  EXPECT_TRUE(row["null_odds"].is_null());
  EXPECT_EQ(row["nbest"].size(), 1u);
}

TEST(QaWriter, SquadPredictionsAreOneObject) {
  const QaOutputOptions options{.format = QaFormat::squad};
  EXPECT_EQ(written(options, {"\"x", "2"}), "{\n\"x\": \"a\\tb\",\n\"2\": \"a\\tb\"\n}\n");
  EXPECT_EQ(written(options, {}), "{}\n");
}

TEST(QaWriter, FormatNames) {
  EXPECT_EQ(qa_format_from_name("squad"), QaFormat::squad);
  EXPECT_THROW(qa_format_from_name("table"), Error);
}

}  // namespace
}  // namespace costeff::tasks
