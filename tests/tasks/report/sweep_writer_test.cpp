#include "tasks/report/sweep_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tasks/sweep_rows.h"

namespace costeff::tasks {
namespace {

TEST(SweepWriter, TableFitsATerminal) {
  SweepReport r = hostile_report();
  r.points[1].setting = "0.123456,0.123456,0.123456,0.123456";
  const std::string text = sweep_text({&r, 1}, 0);
  size_t begin = text.find("\n\n");  // the first line names files
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    // UTF-8: an ellipsis is three bytes and one column.
    EXPECT_LE(end - begin, 82u) << text.substr(begin, end - begin);
  }
}

TEST(SweepWriter, TsvHasALineAPointAndBatch) {
  SweepReport r = hostile_report();
  r.points[1].timings.clear();
  const std::string tsv = sweep_tsv({&r, 1});
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end; (end = tsv.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(tsv.substr(begin, end - begin));
  ASSERT_EQ(lines.size(), 6u);
  for (const std::string& line : lines) EXPECT_EQ(std::count(line.begin(), line.end(), '\t'), 28);
  EXPECT_NE(lines[2].find("\tnan\tnan\tnan\tnan\tnan\t"), std::string::npos);
  EXPECT_TRUE(lines[0].ends_with("\trecommended\tmodel"));
  EXPECT_TRUE(lines[1].ends_with("\t1\t" + r.model));  // full depth, as nothing else was chosen
}

// Every number of the table and the page.
TEST(SweepWriter, JsonHasChangesVerdictAndAnswers) {
  SweepReport r = hostile_report();
  r.verdict.point = 2;
  r.tune_command = "costeff tune m";
  r.points[2].flags = "--point entropy:0.4";
  r.points[2].latency = Latency{500, 1.5, 3.25};
  AnswerCounts a;
  a.point = 2;
  a.confusion = Confusion(3);
  a.confusion.add(1, 2);
  a.by_label = {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}};
  r.answers.push_back(a);
  const auto j = nlohmann::json::parse(sweep_json({&r, 1}));
  const auto& p = j.at("points").at(2);
  EXPECT_DOUBLE_EQ(p.at("change"), r.points[2].change);
  EXPECT_DOUBLE_EQ(p.at("change_low"), r.points[2].change_interval.low);
  EXPECT_EQ(p.at("losses"), r.points[2].losses);
  EXPECT_EQ(p.at("latency_p99_ms"), 3.25);
  EXPECT_EQ(j.at("recommended").at("point"), 2);
  EXPECT_EQ(j.at("recommended").at("command"), "costeff tune m --point entropy:0.4");
  EXPECT_EQ(j.at("answers").at(0).at("confusion"),
            (nlohmann::json{{0, 0, 0}, {0, 0, 1}, {0, 0, 0}}));
  EXPECT_EQ(j.at("answers").at(0).at("labels").at(1).at("rows"), 1);
  EXPECT_DOUBLE_EQ(j.at("exits").at(0).at("risk_coverage"), r.exits[0].risk.area);
  EXPECT_EQ(j.at("provenance").at("kernels"), "");

  const std::vector<SweepReport> two{r, hostile_report()};
  const auto both = nlohmann::json::parse(sweep_json(two));
  EXPECT_EQ(both.at("models").size(), 2u);
  EXPECT_FALSE(both.at("front").empty());
  EXPECT_TRUE(both.at("recommended").contains("text"));
}

}  // namespace
}  // namespace costeff::tasks
