// Files as people have them, through every verb that reads rows: packed, of a refused kind,
// JSON under another name, tables with other delimiters.

#include <gtest/gtest.h>

#include "cli/expected_rows.h"
#include "packing.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

struct InputKinds : testing::Test {
  TinyModel model;
  TempDir dir;

  std::string file(const std::string& name, const std::string& bytes) const {
    write_file(dir.file(name), bytes);
    return dir.file(name);
  }
  Finished run_on(const char* verb, const Strings& more, const std::string& input = "") const {
    Strings args = {verb, model.path()};
    if (std::string(verb) == "diff") args.push_back(model.path());
    args.insert(args.end(), more.begin(), more.end());
    return run(args, input);
  }
  std::string answers(const char* verb, const Strings& more, const std::string& input = "") const {
    const Finished f = run_on(verb, more, input);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return f.out;
  }
};

const std::string kJsonl =
    "{\"text\": \"w1 w2\", \"label\": 0}\n{\"text\": \"w3\", \"label\": 1}\n{\"text\": \"w4\", "
    "\"label\": 2}\n";
const std::string kTsv = "text\tlabel\nw1 w2\t0\nw3\t1\nw4\t2\n";

TEST_F(InputKinds, PackedIsReadAsIfItWerePlain) {
  const std::string plain = file("in.jsonl", kJsonl);
  const Strings packed = {file("in.jsonl.gz", gzip(kJsonl)), file("in.jsonl.zst", zstd(kJsonl)),
                          file("called-otherwise.jsonl", gzip(kJsonl))};
  for (const char* verb : {"infer", "tokenize", "diff"}) {
    const std::string expected = answers(verb, {plain});
    for (const std::string& path : packed) EXPECT_EQ(answers(verb, {path}), expected) << path;
    for (const std::string& bytes : {gzip(kJsonl), zstd(kJsonl)}) {
      EXPECT_EQ(answers(verb, {"-", "--input-format", "jsonl"}, bytes), expected) << verb;
    }
  }
  const auto scores = [&](const std::string& path, const std::string& input = "") {
    const Finished f = run_on("eval", {"--data", path, "-q", "--format", "tsv"}, input);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    const Strings metrics = column(f.out, 7);  // accuracy
    return metrics;
  };
  const Strings expected = scores(plain);
  EXPECT_FALSE(expected.empty());
  for (const std::string& path : packed) EXPECT_EQ(scores(path), expected);
  EXPECT_EQ(scores("-", gzip(kJsonl)), expected);
  EXPECT_EQ(scores("-", zstd(kTsv)), expected);
  EXPECT_EQ(run_on("bench", {packed[0], "--lengths", "none", "--rounds", "1"}).exit_code, 0);
  // --shard and --resume read it again.
  EXPECT_EQ(answers("infer", {packed[0], "--shard", "1/2"}) +
                answers("infer", {packed[0], "--shard", "2/2"}),
            answers("infer", {plain}));
  answers("infer", {packed[1], "--resume", "-o", dir.file("out.tsv")});
  EXPECT_EQ(read_whole_file(dir.file("out.tsv")), answers("infer", {plain}));
}

TEST_F(InputKinds, PackedDirectoriesOfATask) {
  std::filesystem::create_directory(dir.file("set"));
  write_file(dir.file("set") + "/dev.tsv.gz", gzip(kTsv));
  const Finished f = run_on("eval", {"--data", dir.file("set"), "-q", "--format", "tsv"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.out.find("dev.tsv.gz"), std::string::npos);
}

TEST_F(InputKinds, RefusedInOneLineAndNothingWritten) {
  struct Case {
    const char* name;
    std::string bytes, what;
  };
  using namespace std::string_literals;
  for (const Case& c : {Case{"in.xlsx", "PK\x03\x04\x14\0\x06\0[Content_Types].xml"s, "CSV"},
                        {"in.jsonl.xz",
                         "\xFD"
                         "7zXZ\0\0\x04"s,
                         "xz -d"},
                        {"in.parquet", "PAR1\x15\x04\x15\x10"s, "read_parquet"},
                        {"in.pdf", "%PDF-1.7\n", "pdftotext"},
                        {"in.csv", "\xFF\xFEt\0e\0x\0t\0\n\0a\0\n\0"s, "iconv"},
                        {"cut.jsonl.gz", gzip(kJsonl).substr(0, 40), "cut short"},
                        {"cut.tsv.zst", zstd(kTsv).substr(0, 20), "cut short"},
                        {"in2.csv", "text;label\nw1;0\n", "--delimiter ';'"},
                        {"in3.csv", "review\nw1\nw2\n", "--header"},
                        {"in4.json", "[\"w1\", \"w2\"]", "jq -c"},
                        {"in5.json", "{\n  \"text\": \"w1\"\n}\n", "jq -c"}}) {
    SCOPED_TRACE(c.name);
    const std::string path = file(c.name, c.bytes), out = dir.file("out.tsv");
    for (const char* verb : {"infer", "tokenize"}) {
      const Finished f = run_on(verb, {path, "-o", out});
      EXPECT_EQ(f.exit_code, 3);
      EXPECT_EQ(lines_of(f.err).size(), 1u) << f.err;
      EXPECT_NE(f.err.find(path), std::string::npos) << f.err;
      EXPECT_NE(f.err.find(c.what), std::string::npos) << f.err;
      EXPECT_FALSE(std::filesystem::exists(out));
    }
    EXPECT_EQ(run_on("eval", {"--data", path, "-q"}).exit_code, 3);
  }
}

TEST_F(InputKinds, JsonWhereTextWasExpected) {
  const std::string expected = answers("infer", {file("in.jsonl", kJsonl)});
  const std::string array = "[{\"text\": \"w1 w2\"},\n{\"text\": \"w3\"},\n{\"text\": \"w4\"}]\n";
  for (const std::string& text : {kJsonl, array}) {
    for (const Strings& more : {Strings{"-"}, {file("app.log", text)}, {file("noext", text)}}) {
      const Finished f = run_on("infer", more, more[0] == "-" ? text : "");
      EXPECT_EQ(f.out, expected);
      ASSERT_EQ(lines_of(f.err).size(), 1u) << f.err;
      EXPECT_NE(f.err.find("JSON"), std::string::npos) << f.err;
    }
  }
  EXPECT_EQ(answers("infer", {file("in.json", array)}), expected);
  EXPECT_EQ(answers("infer", {"-", "--text-field", "text"}, kJsonl), expected);
  const Finished quiet = run_on("infer", {"-", "-q"}, kJsonl);
  EXPECT_EQ(quiet.out, expected);
  EXPECT_EQ(quiet.err, "");
  const Finished text = run_on("infer", {"-", "--input-format", "text"}, kJsonl);
  EXPECT_EQ(text.err, "");
  EXPECT_NE(text.out, expected);
  const Finished gold = run_on("eval", {"--data", "-"}, kJsonl);
  EXPECT_EQ(gold.exit_code, 0) << gold.err;
  EXPECT_NE(gold.err.find("stdin: holds JSON objects"), std::string::npos) << gold.err;
}

TEST_F(InputKinds, Delimiters) {
  const std::string expected = answers("infer", {file("in.tsv", kTsv)});
  const auto with = [&](char c) {
    std::string text = kTsv;
    std::replace(text.begin(), text.end(), '\t', c);
    return text;
  };
  EXPECT_EQ(answers("infer", {file("a.csv", with(';')), "--delimiter", ";"}), expected);
  EXPECT_EQ(answers("infer", {file("b.csv", with('|')), "--delimiter", "|"}), expected);
  EXPECT_EQ(answers("infer", {file("c.csv", with('\t')), "--delimiter", "tab"}), expected);
  EXPECT_EQ(answers("infer", {file("d.csv", with('\t')), "--delimiter", "\\t"}), expected);
  EXPECT_EQ(answers("infer", {file("e.tsv", with(',')), "--delimiter", ","}), expected);
  EXPECT_EQ(answers("infer", {file("f.tsv", with(',')), "--input-format", "csv"}), expected);
  const Finished eval =
      run_on("eval", {"--data", file("g.csv", with(';')), "--delimiter", ";", "-q"});
  EXPECT_EQ(eval.exit_code, 0) << eval.err;
  EXPECT_EQ(run_on("infer", {dir.file("a.csv"), "--delimiter", ";;"}).exit_code, 2);
}

TEST_F(InputKinds, FormatsByTheNamesOfOtherVerbs) {
  const std::string path = file("in.jsonl", kJsonl);
  EXPECT_EQ(answers("infer", {path, "--format", "json"}),
            answers("infer", {path, "--format", "jsonl"}));
  EXPECT_EQ(answers("infer", {path, "--input-format", "json"}), answers("infer", {path}));
  const Finished f = run_on("eval", {"--data", path, "--format", "jsonl"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_EQ(f.err,
            "costeff: output format \"jsonl\", expected text, json or tsv (json is one document, "
            "not lines)\n");
}

}  // namespace
}  // namespace costeff::cli
