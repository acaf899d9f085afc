// Files, formats, columns, pairs and ids on the command line, and what a faulty row does.

#include <gtest/gtest.h>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

class InferInput : public testing::Test {
 protected:
  // Writes a file and returns its path.
  std::string file(const std::string& name, const std::string& bytes) {
    write_file(dir_.file(name), bytes);
    return dir_.file(name);
  }
  Finished infer(const Strings& args, const std::string& input = "") const {
    Strings all = {"infer", model_.path()};
    all.insert(all.end(), args.begin(), args.end());
    return run(all, input);
  }
  // Standard output of a run that must succeed.
  std::string answers(const Strings& args, const std::string& input = "") const {
    const Finished f = infer(args, input);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return f.out;
  }

  TinyModel model_;
  TempDir dir_;
  const std::string text_ = "w1 w2\nw3 w4 w5\nw6\n";
};

TEST_F(InferInput, StandardInputIsLikeAFile) {
  const std::string expected = answers({file("a.txt", text_)});
  EXPECT_EQ(answers({"-"}, text_), expected);
  EXPECT_EQ(answers({"-"}, "w1 w2\r\nw3 w4 w5\r\nw6"), expected);
  EXPECT_EQ(answers({"--", "-"}, text_), expected);
}

TEST_F(InferInput, IdsGoOnOverFiles) {
  const std::string a = file("a.txt", "w1 w2\nw3 w4 w5\n"), b = file("b.txt", "w6\n");
  EXPECT_EQ(answers({a, b}), answers({"-"}, text_));
  EXPECT_EQ(answers({a, "-"}, "w6\n"), answers({"-"}, text_));
  EXPECT_EQ(answers({a, "--threads", "1", b}), answers({"-"}, text_));
  EXPECT_EQ(column(answers({b, a, b}), 0), (Strings{"1", "2", "3", "4"}));
}

TEST_F(InferInput, TsvColumns) {
  const std::string expected = answers({"-"}, text_);
  const std::string named = file("named.tsv", "n\tsentence\nx\tw1 w2\ny\tw3 w4 w5\nz\tw6\n");
  EXPECT_EQ(answers({named}), expected);
  EXPECT_EQ(answers({named, "--text-column", "sentence"}), expected);
  EXPECT_EQ(answers({named, "--text-column", "2", "--header"}), expected);
  const std::string bare = file("bare.tsv", "x\tw1 w2\ny\tw3 w4 w5\nz\tw6\n");
  EXPECT_EQ(answers({bare, "--text-column", "2", "--no-header"}), expected);
  EXPECT_EQ(column(answers({bare, "--text-column", "2", "--no-header", "--id-column", "1"}), 0),
            (Strings{"x", "y", "z"}));
  // By extension, or by flag.
  EXPECT_EQ(answers({"-", "--input-format", "tsv"}, read_whole_file(named)), expected);
  // A quote is an ordinary character: it does not hide the tab.
  EXPECT_EQ(answers({file("q.tsv", "sentence\tn\n\"w1\tw2\"\n")}), answers({"-"}, "\"w1\n"));
}

TEST_F(InferInput, GlueTask) {
  const std::string path = file("dev.tsv", "sentence\tlabel\nw1 w2\t0\nw3 w4 w5\t1\nw6\t1\n");
  EXPECT_EQ(answers({path, "--task", "SST2"}), answers({"-"}, text_));
}

TEST_F(InferInput, CsvQuotes) {
  const std::string path =
      file("a.csv", "id,text\nr-1,\"w1, w2\"\n\"r,2\",\"say \"\"w3\"\"\nw4\"\n");
  EXPECT_EQ(column(answers({path}), 0), (Strings{"r-1", "r,2"}));
  const std::string text = answers({path, "--format", "csv"});
  EXPECT_NE(text.find("\n\"r,2\","), std::string::npos);
  const Strings plain = column(answers({"-"}, "w1, w2\nsay \"w3\" w4\n"), 2);
  EXPECT_EQ(column(answers({path}), 2), plain);
}

TEST_F(InferInput, JsonlFields) {
  const std::string path = file("a.jsonl",
                                "{\"id\": \"r-1\", \"text\": \"w1 w2\"}\n"
                                "{\"text\": \"w3 w4 w5\", \"id\": 7}\n"
                                "{\"text\": \"w6\"}\n");
  const std::string out = answers({path, "--format", "jsonl"});
  const auto rows = json_rows(out), plain = json_rows(answers({"-", "--format", "jsonl"}, text_));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0]["id"], "r-1");
  EXPECT_EQ(rows[1]["id"], 7);
  EXPECT_EQ(rows[2]["id"], 3);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(rows[i]["entropy"], plain[i]["entropy"]);
  // A field by name; ids instead of text ([CLS] w1 w2 [SEP]; w0 is token 5).
  EXPECT_EQ(answers({"-", "--input-format", "jsonl", "--text-field", "review"},
                    "{\"review\": \"w1 w2\"}\n{\"review\": \"w3 w4 w5\"}\n{\"review\": \"w6\"}\n"),
            answers({"-"}, text_));
  EXPECT_EQ(answers({"-", "--input-format", "jsonl"}, "{\"input_ids\": [2, 6, 7, 3]}\n"),
            answers({"-"}, "w1 w2\n"));
}

TEST_F(InferInput, Pairs) {
  const std::string expected = answers({"-", "--separator", " ||| "}, "w1 w2 ||| w3\nw4\n");
  EXPECT_NE(expected, answers({"-"}, "w1 w2 w3\nw4\n"));
  EXPECT_EQ(answers({file("p.jsonl",
                          "{\"text_a\": \"w1 w2\", \"text_b\": \"w3\"}\n{\"text_a\": \"w4\"}\n")}),
            expected);
  EXPECT_EQ(answers({"-", "--input-format", "jsonl", "--text-field", "q", "--pair-field", "a"},
                    "{\"q\": \"w1 w2\", \"a\": \"w3\"}\n{\"q\": \"w4\", \"a\": null}\n"),
            expected);
  const std::string tsv = file("p.tsv", "sentence1\tsentence2\nw1 w2\tw3\n");
  const std::string one = answers({"-", "--separator", "|"}, "w1 w2|w3\n");
  EXPECT_EQ(answers({tsv}), one);
  EXPECT_EQ(answers({tsv, "--text-column", "1", "--pair-column", "2", "--header"}), one);
}

TEST_F(InferInput, FaultyRowEndsTheRunBehindTheRowsBeforeIt) {
  const std::string path = file("bad.tsv", "sentence\tlabel\nw1 w2\t0\nw3 w4 w5\t1\nw6\n");
  for (const char* threads : {"1", "2"}) {
    const Finished f = infer({path, "--threads", threads});
    EXPECT_EQ(f.exit_code, 3);
    EXPECT_EQ(f.err, "costeff: " + path + ":4: 1 column, expected 2\n");
    EXPECT_EQ(f.out,
              joined({"id\tlabel\tprob\tentropy\texit_layer", lines_of(answers({"-"}, text_))[1],
                      lines_of(answers({"-"}, text_))[2]}));
  }
}

TEST_F(InferInput, RowThatTheModelCannotTake) {
  const Finished f = infer({"-", "--input-format", "jsonl"},
                           "{\"input_ids\": [2, 6, 3]}\n{\"input_ids\": [105]}\n");
  EXPECT_EQ(f.exit_code, 3);
  EXPECT_EQ(f.err, "costeff: stdin:2: input_ids: id 105, expected 0 to 104\n");
  EXPECT_EQ(lines_of(f.out).size(), 2u);
}

TEST_F(InferInput, ErrorsEscapeWhatATerminalWouldObey) {
  const Finished f = infer({dir_.file("no\x1b[31m\nfile")});
  EXPECT_EQ(f.exit_code, 3);
  EXPECT_EQ(f.err, "costeff: " + dir_.path() + "/no\\x1b[31m\\nfile: No such file or directory\n");
}

}  // namespace
}  // namespace costeff::cli
