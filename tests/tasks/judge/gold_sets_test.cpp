#include "tasks/judge/gold_sets.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "tasks/judge/file_labels.h"

namespace costeff::tasks {
namespace {

using Strings = std::vector<std::string>;

Example row_with(const std::string& gold) {
  Example row;
  row.gold = gold;
  row.source = "d.jsonl";
  row.line = 3;
  return row;
}

const Strings kEmotions{"joy", "anger", "a|b"};

LabelMap map_of_sets(const Strings& names = kEmotions) {
  return find_label_map(nullptr, names, ProblemType::multi_label);
}

TEST(GoldSets, FormsOfOneRow) {
  struct Case {
    const char* gold;
    std::vector<int32_t> labels;
  };
  const Case cases[] = {
      {"", {}},
      {"joy", {0}},
      {"anger|joy", {0, 1}},
      {"Joy|anger|joy", {0, 1}},
      {"a\\|b", {2}},
      {"2|0", {0, 2}},
      {"0,2", {0, 2}},
      {"2, 1", {1, 2}},
      {"[]", {}},
      {R"(["anger","a|b"])", {1, 2}},
      {"[2,0]", {0, 2}},
      {"[1]", {1}},
      {R"([0,"anger"])", {0, 1}},
      {"[1.0,0.0,1.0]", {0, 2}},
      {"[0.0,0.0,0.0]", {}},
      {"[true,false,true]", {0, 2}},
      {"[0,1,1]", {1, 2}},
      {"[0,0,0]", {}},
  };
  for (const Case& c : cases)
    EXPECT_EQ(parse_gold(map_of_sets(), row_with(c.gold)).labels, c.labels) << c.gold;
}

TEST(GoldSets, WhatIsRefused) {
  struct Case {
    const char *gold, *message;
  };
  const Case cases[] = {
      {"sad",
       "d.jsonl:3: label \"sad\" is not known, expected joy, anger, a|b or a number from 0 to 2"},
      {"joy|", "d.jsonl:3: label \"\" is not known"},
      {"1,,2", "d.jsonl:3: labels 1,,2 have an empty place"},
      {"[3]", "d.jsonl:3: label \"3\" is not known"},
      {"[null]", "d.jsonl:3: labels [null] hold null, expected names or numbers"},
      {"[[0]]", "d.jsonl:3: labels [[0]] hold [0], expected names or numbers"},
      {"[0.5]", "d.jsonl:3: labels [0.5] hold 0.5, expected names or numbers"},
      {"[1.0,0.0]",
       "d.jsonl:3: labels [1.0,0.0] are 2 numbers 0 or 1, expected 3, one for each label"},
      {"['joy']", "d.jsonl:3: label \"['joy']\" is not known"},
  };
  for (const Case& c : cases) {
    const std::string error =
        error_of(ErrorKind::input, [&] { (void)parse_gold(map_of_sets(), row_with(c.gold)); });
    EXPECT_TRUE(error.starts_with(c.message)) << error;
  }
  // [0, 1] of two labels may be both or the second.
  EXPECT_TRUE(error_of(ErrorKind::input, [] {
                (void)parse_gold(map_of_sets({"a", "b"}), row_with("[0,1]"));
              }).ends_with("expected names, or 0.0 and 1.0"));
  // One label a row cannot be a list.
  const LabelMap single = find_label_map(nullptr, kEmotions, ProblemType::single_label);
  EXPECT_TRUE(error_of(ErrorKind::input, [&] {
                (void)parse_gold(single, row_with("[0]"));
              }).starts_with("d.jsonl:3: the label is the list [0], expected one label"));
}

TEST(GoldSets, ATaskHasOneLabelARow) {
  const Strings two{"a", "b"};
  EXPECT_TRUE(error_of(ErrorKind::usage, [&] {
                find_label_map(&find_task("sst-2"), two, ProblemType::multi_label);
              }).starts_with("task sst-2 has one label a row"));
}

struct Decided {
  Strings golds;
  const char* flag;
  Strings backbone;
  Strings names;
};

TEST(GoldSets, NamesOfTheLabelsInAFile) {
  const Decided cases[] = {
      {{"joy|anger", "", "fear|joy"}, "", {}, {"anger", "fear", "joy"}},
      {{"10|2", "1"}, "", {}, {"1", "2", "10"}},
      {{"[0.0,1.0]", "[1.0,0.0]"}, "", {}, {"LABEL_0", "LABEL_1"}},
      {{"[0.0,1.0]", "[1.0,0.0]"}, "x,y", {}, {"x", "y"}},
      {{"[0.0,1.0]", "[1.0,0.0]"}, "", {"no", "yes"}, {"no", "yes"}},
      {{"[0.0,1.0]", "[1.0,0.0]"}, "", {"a", "b", "c"}, {"LABEL_0", "LABEL_1"}},
      {{"joy", "anger"}, "", {"anger", "joy", "fear"}, {"anger", "joy", "fear"}},
      {{"joy", "anger"}, "", {"a", "b"}, {"anger", "joy"}},
      {{"joy", ""}, "", {}, {"joy"}},
  };
  for (const Decided& c : cases) {
    std::vector<Example> rows;
    for (const std::string& gold : c.golds) rows.push_back(row_with(gold));
    const FileLabelSets found = label_sets_in(rows);
    LabelRequest q;
    q.data = "d.jsonl";
    q.multi_label = true;
    q.indicators = found.indicators;
    q.names = c.flag;
    q.backbone = c.backbone;
    const TrainLabels labels = decide_labels(q, found.labels);
    EXPECT_EQ(labels.map.names, c.names) << c.golds[0];
    EXPECT_TRUE(is_multi_label(labels.map));
    for (const Example& row : rows) (void)parse_gold(labels.map, row);
  }
  LabelRequest none;
  none.data = "d.jsonl";
  none.multi_label = true;
  EXPECT_EQ(error_of(ErrorKind::input, [&] { (void)decide_labels(none, {}); }),
            "d.jsonl: no row has a label, expected labels in some");
  EXPECT_TRUE(have_label_lists(std::vector<Example>{row_with("a"), row_with("[\"a\"]")}));
  EXPECT_FALSE(have_label_lists(std::vector<Example>{row_with("a"), row_with("[sic]")}));
}

}  // namespace
}  // namespace costeff::tasks
