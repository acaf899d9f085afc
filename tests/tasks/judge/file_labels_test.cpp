#include "tasks/judge/file_labels.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include "base/error_of.h"

namespace costeff::tasks {
namespace {

using Names = std::vector<std::string>;

// "a*3 b" are four rows: a, a, a, b.
std::vector<Example> rows_with(const std::string& labels) {
  std::vector<Example> rows;
  for (size_t at = 0; at < labels.size();) {
    const size_t end = std::min(labels.find(' ', at), labels.size());
    std::string label = labels.substr(at, end - at);
    size_t times = 1;
    if (const size_t star = label.find('*'); star != std::string::npos) {
      times = std::stoul(label.substr(star + 1));
      label.resize(star);
    }
    for (size_t i = 0; i < times; ++i) {
      Example& row = rows.emplace_back();
      row.gold = label;
      row.source = "in.tsv";
      row.line = static_cast<int64_t>(rows.size()) + 1;
    }
    at = end + 1;
  }
  return rows;
}

struct LabelCase {
  const char* what;
  std::string labels;
  Names names;       // expected; regression: none
  std::string note;  // its beginning
  const char* task = nullptr;
  Names backbone = {};
  std::string given = "";
  bool regression = false, roberta = false;
};

TrainLabels decide(const LabelCase& c, const std::vector<Example>& rows) {
  LabelRequest q;
  q.data = "in.tsv";
  q.task = c.task ? &find_task(c.task) : nullptr;
  q.names = c.given;
  q.regression = c.regression;
  q.backbone = c.backbone;
  q.roberta = c.roberta;
  return decide_labels(q, labels_in(rows));
}

TEST(FileLabels, RulesInOrder) {
  const Names stars{"1 star", "2 stars", "3 stars"};
  const LabelCase cases[] = {
      {"names, sorted", "good bad ugly bad", {"bad", "good", "ugly"}, "labels: 0 bad, 1 good"},
      {"numbers, in numeric order",
       "10 9 2 -1",
       {"-1", "2", "9", "10"},
       "labels: -1, 2, 9, 10 (those"},
      {"floats that are whole", "1.0 0 1 0.0", {"0", "1"}, "labels: 0, 1 (those of the file"},
      {"bytes, not letters", "b B2 a2", {"B2", "a2", "b"}, "labels: 0 B2"},
      {"a fraction", "0 1.5 3", {}, "regression: scores from 0 to 3 (some labels have a frac"},
      {"whole scores",
       "0 1 2",
       {},
       "regression: scores from 0 to 2 (--regression)",
       nullptr,
       {},
       "",
       true},
      {"scores of a task", "0 5 3", {}, "regression: scores from 0 to 5 (task sts-b)", "sts-b"},
      {"fractions that --labels makes classes",
       "0.5 1.5",
       {"1.5", "0.5"},
       "labels: 0 1.5, 1 0.5 (--labels)",
       nullptr,
       {},
       "1.5,0.5"},
      {"--labels, by name", "b a b", {"b", "a"}, "labels: 0 b, 1 a (--labels)", nullptr, {}, "b,a"},
      {"--labels, by number", "1 0", {"b", "a"}, "labels: 0 b, 1 a (--labels)", nullptr, {}, "b,a"},
      {"--labels before the task",
       "pos neg",
       {"positive", "negative"},
       "labels: 0 positive",
       "sst-2",
       {},
       "positive,negative"},
      {"the backbone's names",
       "Positive NEGATIVE",
       {"NEGATIVE", "POSITIVE"},
       "labels: 0 NEGATIVE, 1 POSITIVE (the backbone's names)",
       nullptr,
       {"NEGATIVE", "POSITIVE"}},
      {"the backbone's numbers", "0 1", {"neg", "pos"}, "labels: 0 neg", nullptr, {"neg", "pos"}},
      {"stars are not the backbone's numbers",
       "1 2 3",
       {"1", "2", "3"},
       "labels: 1, 2",
       nullptr,
       stars},
      {"nor without the last", "1 2", {"1", "2"}, "labels: 1, 2", nullptr, stars},
      {"another task's backbone",
       "0 1",
       {"not_equivalent", "equivalent"},
       "labels: 0 not_equivalent, 1 equivalent (task mrpc)",
       "mrpc",
       {"negative", "positive"}},
      {"a backbone of the task in its own order",
       "entailment neutral",
       {"neutral", "contradiction", "entailment"},
       "labels: 0 neutral",
       "mnli",
       {"neutral", "contradiction", "entailment"}},
      {"MNLI for BERT",
       "entailment neutral contradiction",
       {"contradiction", "entailment", "neutral"},
       "labels: 0 contradiction",
       "mnli"},
      {"MNLI for RoBERTa",
       "entailment neutral contradiction",
       {"contradiction", "neutral", "entailment"},
       "labels: 0 contradiction",
       "mnli",
       {},
       "",
       false,
       true},
      {"labels that are not the task's", "x y x y", {"x", "y"}, "labels: 0 x", "sst-2"},
      {"scores that are not", "low high", {"high", "low"}, "labels: 0 high", "sts-b"},
      {"a backbone with other names", "x y", {"x", "y"}, "labels: 0 x", nullptr, {"a", "b"}},
  };
  for (const LabelCase& c : cases) {
    SCOPED_TRACE(c.what);
    const std::vector<Example> rows = rows_with(c.labels);
    const TrainLabels got = decide(c, rows);
    EXPECT_EQ(got.map.names, c.names);
    EXPECT_EQ(is_regression(got.map), c.names.empty());
    EXPECT_EQ(got.notes.front().rfind(c.note, 0), 0u) << got.notes.front();
    for (const Example& row : rows) EXPECT_NO_THROW((void)parse_gold(got.map, row)) << row.gold;
  }
}

// The number of the class that a label of the rows gets.
TEST(FileLabels, ClassesOfRows) {
  const struct {
    LabelCase rule;
    std::string label;
    int64_t label_class;
  } cases[] = {
      {{"", "3 1 2", {}, ""}, "3", 2},
      {{"", "1 0", {}, "", nullptr, {}, "b,a"}, "1", 1},
      {{"", "2 1", {}, "", nullptr, {}, "2,1"}, "1", 1},  // names go before numbers
      {{"", "0 1", {}, "", "rte"}, "0", 0},               // 0 is entailment in RTE's copies
      {{"", "0 1", {}, "", "rte", {"not_entailment", "entailment"}}, "0", 1},
      {{"", "true false", {}, "", nullptr, {"no", "yes"}}, "true", 1},
      {{"", "false true", {}, ""}, "true", 1},
  };
  for (const auto& c : cases) {
    const TrainLabels got = decide(c.rule, rows_with(c.rule.labels));
    Example row;
    row.gold = c.label;
    EXPECT_EQ(parse_gold(got.map, row).label, c.label_class) << c.rule.labels << " " << c.label;
  }
}

TEST(FileLabels, Refusals) {
  std::string many, thousand;
  for (int i = 0; i < 30; ++i) many += "id" + std::to_string(i) + " ";
  for (int i = 0; i < 1001; ++i) thousand += std::to_string(i) + "*3 ";
  const struct {
    LabelCase rule;
    const char* says;
  } cases[] = {
      {{"", "x*3", {}, ""}, "in.tsv: every row has the label \"x\", expected at least two"},
      {{"", "-1*9", {}, ""}, "(-1 usually means that there is no label)"},
      {{"", "1*3", {}, "", "sst-2"}, "every row has the label \"1\""},
      {{"", "2.5*3", {}, ""}, "every row has the score \"2.5\""},
      {{"", many, {}, ""}, "30 rows have 30 different labels, such as \"id0\", expected those of"},
      {{"", thousand, {}, ""}, "say --regression if they are scores"},
      {{"", "a b", {}, "", nullptr, {}, "a,a"}, "--labels \"a,a\" names a twice"},
      {{"", "a b", {}, "", nullptr, {}, "a,,b"}, "has an empty name"},
      {{"", "a b", {}, "", nullptr, {}, "a"}, "--labels names one class"},
  };
  for (const auto& c : cases) {
    const bool usage = !c.rule.given.empty();
    const std::string error = error_of(usage ? ErrorKind::usage : ErrorKind::input,
                                       [&] { (void)decide(c.rule, rows_with(c.rule.labels)); });
    EXPECT_NE(error.find(c.says), std::string::npos) << error;
  }
}

// Rules that nearly all rows follow hold, and the others are errors of their rows.
TEST(FileLabels, RowsThatDoNotFit) {
  const struct {
    LabelCase rule;
    std::string row, says;
  } cases[] = {
      {{"", "a b", {}, "", nullptr, {}, "a,b"},
       "c",
       "label \"c\" is not known, expected a, b (--labels)"},
      // One label of the rows is known, and that is not the fault.
      {{"", "pos neg", {}, "", nullptr, {}, "a,neg"},
       "pos",
       "label \"pos\" is not known, expected a, neg (--labels)"},
      {{"", "x,y*3 z", {}, "", nullptr, {}, "x,y,z"}, "x,y", "expected x, y, z (--labels)"},
      {{"", "1*30 x", {}, "", "sst-2"},
       "x",
       "label \"x\" is not known, expected negative, positive"},
      {{"", "1.5 high", {}, "", nullptr, {}, "", true}, "high", "the score is \"high\", expected"},
      {{"", "2 1 3", {}, "", nullptr, {}, "a,b,c"},
       "1",
       "numbers count from 0, and no row has that"},
      {{"", "a b", {}, ""}, "c", "expected a, b (the labels of the training rows)"},
      {{"", "4 5", {}, ""}, "0", "label \"0\" is not known, expected 4, 5 (the labels of the"},
      {{"", "entailment*50 neutral*50 -", {}, "", "mnli"}, "-", "--task none would take others"},
      {{"", "1.5*50 nan 2.5", {}, ""}, "nan", "the score is \"nan\", expected a number"},
  };
  for (const auto& c : cases) {
    const TrainLabels got = decide(c.rule, rows_with(c.rule.labels));
    Example row;
    row.gold = c.row;
    row.source = "dev.tsv";
    row.line = 7;
    const std::string error = error_of(ErrorKind::input, [&] { (void)parse_gold(got.map, row); });
    EXPECT_EQ(error.rfind("dev.tsv:7: ", 0), 0u) << error;
    EXPECT_NE(error.find(c.says), std::string::npos) << error;
  }
}

TEST(FileLabels, TwoWaysToWriteOneLabelAreSaid) {
  const TrainLabels got = decide({}, rows_with("Good bad good"));
  EXPECT_EQ(got.map.names, (Names{"Good", "bad"}));
  ASSERT_EQ(got.notes.size(), 2u);
  EXPECT_EQ(got.notes[1], "\"Good\" and \"good\" are one label");
  EXPECT_EQ(decide({}, rows_with("1.0 1 2")).notes.size(), 1u);
}

TEST(FileLabels, CountsRows) {
  const auto labels = labels_in(rows_with("b*3 a*2 b"));
  ASSERT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels[0].name, "b");
  EXPECT_EQ(labels[0].rows, 4);
  EXPECT_EQ(labels[1].rows, 2);
}

}  // namespace
}  // namespace costeff::tasks
