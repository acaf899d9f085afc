// --keep on the command line, and the warnings about odd rows.

#include <gtest/gtest.h>

#include "cli/infer_fixture.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

struct KeepCli : InferFixture {};

TEST_F(KeepCli, ColumnsComeLast) {
  const std::string in = file("in.csv", "n,text,label,\"a b\"\n1,w1,x,\"p,q\"\n2,w2,y,\n");
  const Strings plain = lines_of(infer({in}).out);
  EXPECT_EQ(infer({in, "--keep", "a b,label=gold"}).out,
            joined({plain[0] + "\ta b\tgold", plain[1] + "\tp,q\tx", plain[2] + "\t\ty"}));
  const Strings csv = lines_of(infer({in, "--format", "csv", "--keep", "4=x"}).out);
  EXPECT_EQ(csv[0].substr(csv[0].rfind(',')), ",x");
  EXPECT_EQ(csv[1].substr(csv[1].size() - 6), ",\"p,q\"");
  const auto rows = json_rows(infer({in, "--format", "jsonl", "--keep", "n,a b"}).out);
  EXPECT_EQ(keys_of(rows[0]),
            (Strings{"id", "label", "label_id", "prob", "entropy", "exit_layer", "n", "a b"}));
  EXPECT_EQ(rows[0]["n"], "1");
  EXPECT_EQ(rows[1]["a b"], "");
  // Of a repeated flag the last one counts; without an output header there are no names.
  EXPECT_EQ(infer({in, "--keep", "n", "--keep", "a b", "--no-output-header"}).out,
            joined({plain[1] + "\tp,q", plain[2] + "\t"}));
}

TEST_F(KeepCli, JsonStaysWhatItIs) {
  const std::string in = file("in.jsonl",
                              "{\"text\":\"w1\",\"x\":1.0,\"meta\":{\"k\":[ 1, null ]}}\n"
                              "{\"text\":\"w2\",\"x\":null,\"meta\":{}}\n");
  const Strings lines =
      lines_of(infer({in, "--format", "jsonl", "--keep", "x,meta=m,meta.k=k"}).out);
  const std::string end0 = ",\"x\":1.0,\"m\":{\"k\":[1,null]},\"k\":[1,null]}";
  const std::string end1 = ",\"x\":null,\"m\":{},\"k\":null}";
  EXPECT_EQ(lines[0].substr(lines[0].size() - end0.size()), end0);
  EXPECT_EQ(lines[1].substr(lines[1].size() - end1.size()), end1);
  const Finished tsv = infer({in, "--keep", "x,meta=m"});
  EXPECT_EQ(column(tsv.out, 5), (Strings{"1.0", ""}));
  EXPECT_EQ(column(tsv.out, 6), (Strings{"{\"k\":[1,null]}", "{}"}));
}

struct KeepRefused {
  Strings args;
  int code;
  std::string text;
};

TEST_F(KeepCli, WhatCannotBeKept) {
  const std::string tsv = file("in.tsv", "text\tlabel\nw1\tx\n"), txt = file("in.txt", "w1\n");
  const KeepRefused cases[] = {
      {{tsv, "--keep", "label"},
       2,
       "--keep: \"label\" is a column of the output already; give it another name: label=NAME"},
      {{tsv, "--keep", "label=prob_2"},
       2,
       "--keep: \"prob_2\" is a column of the output already; give it another name: label=NAME"},
      {{tsv, "--keep", "nosuch"},
       3,
       tsv + ":1: no column \"nosuch\", the header has \"text\", \"label\""},
      {{txt, "--keep", "x"},
       2,
       txt + " is read as plain text, which has no columns or fields; say --input-format tsv, csv "
             "or jsonl"},
      {{tsv, "--keep", "text,"},
       2,
       "--keep: \"text,\" has an empty name, expected COLUMN or COLUMN=NAME, separated by commas"},
      {{tsv, "--task", "qa", "--format", "squad", "--keep", "label"},
       2,
       "--keep needs --format tsv, csv or jsonl: squad has an answer for each id and nothing else"},
  };
  for (const KeepRefused& c : cases) {
    Strings args = c.args;
    args.insert(args.end(), {"-o", dir.file("out.tsv")});
    const Finished f = infer(args);
    EXPECT_EQ(f.exit_code, c.code);
    EXPECT_EQ(f.err, "costeff: " + c.text + "\n");
    EXPECT_FALSE(std::filesystem::exists(dir.file("out.tsv")));
  }
}

TEST_F(KeepCli, OddRowsAreSaidOnce) {
  std::string input = "w1 \xFF\n\n  \n";
  for (int i = 0; i < 100; ++i) input += "w1 ";
  const Finished f = infer({"-", "--max-length", "8", "--stats-json"}, input);
  EXPECT_EQ(f.exit_code, 0);
  const Strings lines = lines_of(f.err);
  ASSERT_EQ(lines.size(), 4u) << f.err;
  EXPECT_EQ(lines[0], "costeff: warning: 1 row was longer than the maximal length and was cut");
  EXPECT_EQ(lines[1], "costeff: warning: 2 rows have no text");
  EXPECT_EQ(lines[2], "costeff: warning: 1 row is not UTF-8; its bad bytes were read as U+FFFD");
  const auto stats = nlohmann::json::parse(lines[3]);
  EXPECT_EQ(stats["truncated_rows"], 1);
  EXPECT_EQ(stats["empty_rows"], 2);
  EXPECT_EQ(stats["bad_utf8_rows"], 1);
  EXPECT_EQ(stats["skipped_rows"], 0);
  EXPECT_EQ(infer({"-", "--max-length", "8", "--quiet"}, input).err, "");
}

TEST_F(KeepCli, SlipsOfThePenAreNamed) {
  const std::string txt = file("in.txt", "w1\n");
  const std::string swapped = txt + " is a file and " + model.path() +
                              " a model directory: MODEL comes first, expected " + model.path() +
                              " " + txt;
  const KeepRefused cases[] = {
      {{"infer", txt, model.path()}, 2, swapped},
      {{"tokenize", txt, model.path()}, 2, swapped},
      {{"eval", txt, model.path()}, 2, swapped},
      {{"infer", "-", model.path()},
       2,
       "- is standard input and " + model.path() +
           " a model directory: MODEL comes first, expected " + model.path() + " -"},
      {{"infer", model.path()},
       2,
       "FILES is required, where - is standard input; see costeff infer --help"},
      {{"infer", model.path(), txt, "--patience", "2", "-S", "0.3"},
       2,
       "--threshold (-S) says nothing with --patience where the model gives labels; leave one of "
       "the two out"},
      {{"bench", model.path(), "--policy", "patience", "--patience", "2", "--threshold", "0.3"},
       2,
       "--threshold (-S) says nothing with --patience where the model gives labels; leave one of "
       "the two out"},
      {{"infer", model.path(), txt, "--exit-layer", "2", "-S", "0.3"},
       2,
       "policy fixed takes no threshold"},
  };
  for (const KeepRefused& c : cases) {
    const Finished f = run(c.args);
    EXPECT_EQ(f.exit_code, c.code);
    EXPECT_EQ(f.err, "costeff: " + c.text + "\n");
    EXPECT_EQ(f.out, "");
  }
}

}  // namespace
}  // namespace costeff::cli
