#include "tasks/read/labelled_rows.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "tiny_checkpoint.h"

namespace costeff::tasks {
namespace {

struct LabelledRowsTest : testing::Test {
  TempDir dir;
  DataSet set;
  InputOptions options;
  std::vector<std::string> bad;
  BadRowSink sink = [this](const Example&, const std::string& error) { bad.push_back(error); };

  void SetUp() override {
    set.path = dir.file("in.tsv");
    options.want_gold = options.is_table = true;
  }
  std::vector<TrainRow> read(const std::string& text, int64_t limit, const BadRowSink& use) {
    write_file(set.path, text);
    LabelledRows rows;
    read_labelled_rows(set, options, limit, use, nullptr, &rows);
    LabelMap map =
        find_label_map(nullptr, std::vector<std::string>{"no", "yes"}, ProblemType::single_label);
    sources.push_back(std::move(rows.sources));
    return to_train_rows(map, std::move(rows.rows), use);
  }
  std::vector<std::deque<std::string>> sources;
};

TEST_F(LabelledRowsTest, TextsAndClasses) {
  const auto rows = read("text\tlabel\na b\tyes\nc\tno\nd\t1\n", 0, {});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].example.text_a, "a b");
  EXPECT_EQ(rows[0].label, 1);
  EXPECT_EQ(rows[1].label, 0);
  EXPECT_EQ(rows[2].label, 1);
  // The reader is gone; the row still knows where it is from.
  EXPECT_EQ(rows[1].example.source, set.path);
  EXPECT_EQ(rows[1].example.line, 3);
  EXPECT_EQ(read("text\tlabel\na\tyes\nb\tno\nc\tyes\n", 2, {}).size(), 2u);
}

TEST_F(LabelledRowsTest, BadRows) {
  const char* cases[][2] = {
      {"text\tlabel\na\tyes\nb\tmaybe\nc\tno\n", "in.tsv:3: label \"maybe\" is not known"},
      {"text\tlabel\na\tyes\nb\t\nc\tno\n", "in.tsv:3: the label is empty"},
      {"text\tlabel\na\tyes\nb\nc\tno\n", "in.tsv:3: 1 column, expected 2"},
  };
  for (const auto& [text, says] : cases) {
    options.skip_bad_rows = false;
    const std::string error = error_of(ErrorKind::input, [&] { read(text, 0, {}); });
    EXPECT_NE(error.find(says), std::string::npos) << error;
    options.skip_bad_rows = true;
    bad.clear();
    EXPECT_EQ(read(text, 0, sink).size(), 2u);
    ASSERT_EQ(bad.size(), 1u);
    EXPECT_NE(bad[0].find(says), std::string::npos) << bad[0];
  }
  options.skip_bad_rows = false;
  const std::string error = error_of(ErrorKind::input, [&] { read("text\nonly texts\n", 0, {}); });
  EXPECT_NE(error.find("label"), std::string::npos) << error;
}

TrainRow row_of(const char* a, std::optional<std::string> b = {}) {
  TrainRow row;
  row.example.text_a = a;
  row.example.text_b = std::move(b);
  return row;
}

TEST(LabelledRows, Odd) {
  const std::vector<TrainRow> train{row_of("a"), row_of("b", "c"), row_of(" \t"), row_of("", "x")};
  EXPECT_EQ(count_without_text(train), 1);
  const std::vector<TrainRow> dev{row_of("a"), row_of("a"), row_of("a", ""), row_of("b", "c"),
                                  row_of("bc")};
  EXPECT_EQ(count_shared(train, dev), 3);
  EXPECT_EQ(count_shared({}, dev), 0);
}

}  // namespace
}  // namespace costeff::tasks
