#include "tasks/judge/gold.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

const Strings kPlain2{"LABEL_0", "LABEL_1"}, kPlain3{"LABEL_0", "LABEL_1", "LABEL_2"};

LabelMap map_of(const char* task, const Strings& model, bool roberta = false,
                const std::string& order = "") {
  return find_label_map(task ? &find_task(task) : nullptr, model, ProblemType::single_label,
                        roberta, order);
}

int64_t label_of(const LabelMap& map, const std::string& text) {
  Example row;
  row.source = "f.tsv";
  row.line = 7;
  row.gold = text;
  return parse_gold(map, row).label;
}

TEST(Gold, NamesOfTheModelDecide) {
  const LabelMap map = map_of("rte", {"Not-Entailment", "entails"});
  EXPECT_EQ(label_of(map, "entailment"), 1);
  EXPECT_EQ(label_of(map, "not_entailment"), 0);
  // A number in a copy of RTE is the task's: 0 is entailment.
  EXPECT_EQ(label_of(map, "0"), 1);
  EXPECT_EQ(map.task_label, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(map.positive, 0);  // label 1 of the task
  EXPECT_FALSE(map.guessed);
  EXPECT_EQ(map.note, "labels: 0 Not-Entailment, 1 entails (the model's names)");
}

TEST(Gold, MnliOfBertAndRoberta) {
  const LabelMap bert = map_of("mnli", kPlain3);
  EXPECT_EQ(bert.names, (Strings{"contradiction", "entailment", "neutral"}));
  EXPECT_TRUE(bert.guessed);
  EXPECT_EQ(label_of(bert, "neutral"), 2);
  const LabelMap roberta = map_of("mnli", kPlain3, true);
  EXPECT_EQ(roberta.names, (Strings{"contradiction", "neutral", "entailment"}));
  EXPECT_EQ(label_of(roberta, "neutral"), 1);
  // Numbers in copies: entailment, neutral, contradiction.
  EXPECT_EQ(label_of(roberta, "0"), 2);
  EXPECT_EQ(label_of(bert, "2"), 0);
  const LabelMap named = map_of("ax", {"ENTAILMENT", "NEUTRAL", "CONTRADICTION"}, true);
  EXPECT_EQ(label_of(named, "contradiction"), 2);
  EXPECT_FALSE(named.guessed);
}

TEST(Gold, OrderCanBeForced) {
  const LabelMap map = map_of("mnli", kPlain3, false, "neutral,contradiction,entailment");
  EXPECT_EQ(label_of(map, "entailment"), 2);
  EXPECT_FALSE(map.guessed);
  const LabelMap numbers = map_of("sst-2", kPlain2, false, "1,0");
  EXPECT_EQ(label_of(numbers, "1"), 0);
  EXPECT_EQ(label_of(numbers, "negative"), 1);
  EXPECT_EQ(numbers.positive, 0);
  const LabelMap own = map_of(nullptr, kPlain2, false, "ham,spam");
  EXPECT_EQ(label_of(own, "Spam"), 1);
  EXPECT_EQ(error_of(ErrorKind::usage, [] { map_of("rte", kPlain2, false, "yes,no"); }),
            "--label-order \"yes,no\", expected the labels of task rte in the model's order: "
            "entailment, not_entailment");
  EXPECT_EQ(error_of(ErrorKind::usage, [] { map_of("rte", kPlain2, false, "entailment"); }),
            "--label-order names 1 labels, the model has 2");
  EXPECT_EQ(error_of(ErrorKind::usage, [] { map_of(nullptr, kPlain2, false, "a,a"); }),
            "--label-order \"a,a\" names a twice");
}

TEST(Gold, WithoutATaskNumbersAreTheModels) {
  const LabelMap map = map_of(nullptr, {"sad", "glad", "mad"});
  EXPECT_EQ(label_of(map, "glad"), 1);
  EXPECT_EQ(label_of(map, "2"), 2);
  EXPECT_EQ(label_of(map, "2.0"), 2);
  const LabelMap two = map_of(nullptr, kPlain2);
  EXPECT_EQ(label_of(two, "true"), 1);
  EXPECT_EQ(label_of(two, "LABEL_1"), 1);
  // A name goes before a number.
  const LabelMap swapped = map_of(nullptr, {"1", "0"});
  EXPECT_EQ(label_of(swapped, "1"), 0);
}

TEST(Gold, UnknownLabelsNameTheirPlace) {
  const LabelMap map = map_of("sst-2", kPlain2);
  EXPECT_EQ(error_of(ErrorKind::input, [&] { label_of(map, "maybe"); }),
            "f.tsv:7: label \"maybe\" is not known, expected negative, positive or a number from "
            "0 to 1");
  EXPECT_EQ(error_of(ErrorKind::input, [&] { label_of(map, ""); }), "f.tsv:7: the label is empty");
  EXPECT_EQ(error_of(ErrorKind::input, [&] { label_of(map, "2"); }),
            "f.tsv:7: label \"2\" is not known, expected negative, positive or a number from 0 to "
            "1");
  EXPECT_EQ(error_of(ErrorKind::input, [&] { label_of(map, "-1"); }),
            "f.tsv:7: label \"-1\" is not known, expected negative, positive or a number from 0 to "
            "1 (-1 usually means that there is no label)");
}

TEST(Gold, Scores) {
  const Strings one{"LABEL_0"};
  const LabelMap map = find_label_map(&find_task("sts-b"), one, ProblemType::regression);
  Example row;
  row.source = "f.tsv";
  row.line = 2;
  row.gold = "3.25";
  EXPECT_EQ(parse_gold(map, row).score, 3.25);
  for (const char* bad : {"nan", "3,5", "high", "inf"}) {
    row.gold = bad;
    EXPECT_EQ(error_of(ErrorKind::input, [&] { parse_gold(map, row); }),
              std::string("f.tsv:2: the score is \"") + bad + "\", expected a number");
  }
}

TEST(Gold, TaskAndModelMustFit) {
  EXPECT_EQ(error_of(ErrorKind::usage, [] { map_of("mnli", kPlain2); }),
            "task mnli has 3 labels, the model has 2");
  EXPECT_EQ(error_of(ErrorKind::usage, [] { map_of("sts-b", kPlain2); }),
            "task sts-b is about scores (regression), the model has 2 labels");
  const Strings one{"LABEL_0"};
  EXPECT_EQ(error_of(ErrorKind::usage,
                     [&] { find_label_map(&find_task("rte"), one, ProblemType::regression); }),
            "task rte has labels, the model gives a score (regression)");
}

TEST(Gold, TaskIsFoundByPathColumnsAndConfig) {
  const TemporaryDirectory dir;
  ModelInfo model;
  model.task = "SST-2";
  const auto found = [&](const std::string& path) {
    const FoundTask f = guess_task(path, model);
    return (f.task ? std::string(f.task->name) : "none") + ", " + f.from;
  };
  std::filesystem::create_directory(dir.path / "QNLI");
  EXPECT_EQ(found(dir.write("QNLI/dev.tsv", "")), "qnli, the directory's name");
  EXPECT_EQ(found(dir.write("QNLI/sst-2-dev.tsv", "")), "sst-2, the file's name");
  EXPECT_EQ(found(dir.write("MNLI_dev_matched.tsv", "")), "mnli, the file's name");
  EXPECT_EQ(found(dir.write("x.tsv", "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n")),
            "mrpc, the columns");
  EXPECT_EQ(found(dir.write("y.tsv", "text\tlabel\n")), "sst-2, config.json's finetuning_task");
  EXPECT_FALSE(guess_task(dir.file("y.tsv"), model).columns);
  // Called as the task, with columns of its own.
  EXPECT_FALSE(guess_task(dir.write("sst2.tsv", "text\tlabel\n"), model).columns);
  EXPECT_TRUE(guess_task(dir.write("sst2.csv", "label,sentence\n"), model).columns);
  EXPECT_TRUE(guess_task(dir.write("sst2.jsonl", "{\"text\":\"a\"}\n"), model).columns);
  model.task = "";
  EXPECT_EQ(found(dir.file("y.tsv")), "none, ");
  EXPECT_EQ(found("-"), "none, ");
  EXPECT_EQ(found(dir.write("startle-mywriterte.tsv", "")), "none, ");
}

// ---- where the labels are ----

Strings golds(const ReadRows& read) {
  Strings out;
  for (const Example& row : read.rows) out.push_back(row.gold);
  return out;
}

InputOptions labelled(const char* task = nullptr, const std::string& field = "") {
  InputOptions o;
  o.want_gold = true;
  o.label_field = field;
  if (task) o.task = &find_task(task);
  return o;
}

TEST(GoldColumns, OfTasks) {
  EXPECT_EQ(golds(read_bytes("dev.tsv", "gj\t1\t\tx\ngj\t0\t*\ty\n", labelled("cola"))),
            (Strings{"1", "0"}));
  EXPECT_EQ(golds(read_bytes(
                "d.tsv", "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\ta\tb\tx\tneutral\n",
                labelled("mnli"))),
            (Strings{"neutral"}));
  // A copy that calls it label.
  EXPECT_EQ(golds(read_bytes("d.tsv", "question1\tquestion2\tlabel\na\tb\t1\n", labelled("qqp"))),
            (Strings{"1"}));
  EXPECT_EQ(golds(read_bytes("d.jsonl", "{\"sentence\":\"a\",\"label\":1,\"idx\":3}\n",
                             labelled("sst-2"))),
            (Strings{"1"}));
}

TEST(GoldColumns, OfUsersFiles) {
  EXPECT_EQ(golds(read_bytes("d.csv", "text,stars\n\"a, b\",5\n", labelled(nullptr, "stars"))),
            (Strings{"5"}));
  InputOptions numbers = labelled(nullptr, "1");
  numbers.text_field = "2";
  EXPECT_EQ(golds(read_bytes("d.tsv", "1\ta\n0\tb\n", numbers)), (Strings{"1", "0"}));
  EXPECT_EQ(golds(read_bytes("d.jsonl",
                             "{\"text\":\"a\",\"y\":\"pos\"}\n{\"text\":\"b\",\"y\":true}\n"
                             "{\"text\":\"b\",\"y\":0.5}\n",
                             labelled(nullptr, "y"))),
            (Strings{"pos", "true", "0.5"}));
}

TEST(GoldColumns, NotAskedForIsEmpty) {
  EXPECT_EQ(golds(read_bytes("d.tsv", "text\tlabel\na\t1\n")), (Strings{""}));
  EXPECT_EQ(golds(read_bytes("d.jsonl", "{\"text\":\"a\",\"label\":1}\n")), (Strings{""}));
}

TEST(GoldColumns, MissingOnesAreNamed) {
  EXPECT_EQ(read_bytes("t.tsv", "index\tsentence\n0\ta\n", labelled("sst-2")).error,
            "t.tsv:1: no column of labels (label), the header has \"index\", \"sentence\" (task "
            "sst-2); another name is given with --label-field");
  EXPECT_EQ(read_bytes("t.tsv", "text\ty\na\t1\n", labelled(nullptr, "z")).error,
            "t.tsv:1: no column \"z\", the header has \"text\", \"y\"");
  EXPECT_EQ(read_bytes("t.jsonl", "{\"text\":\"a\"}\n", labelled()).error,
            "t.jsonl:1: no field \"label\", expected the label there; another name is given with "
            "--label-field");
  EXPECT_EQ(read_bytes("t.jsonl", "{\"text\":\"a\",\"label\":null}\n", labelled()).error,
            "t.jsonl:1: field \"label\" is null, expected a label: a string, a number or a list "
            "of them");
  EXPECT_EQ(read_bytes("t.txt", "a\n", labelled()).error,
            "t.txt is read as plain text, which has no labels; say --input-format tsv, csv or "
            "jsonl");
}

}  // namespace
}  // namespace costeff::tasks
