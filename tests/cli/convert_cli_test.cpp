// costeff convert, diff and tokenize as a user meets them.

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

namespace fs = std::filesystem;

struct Dirs {
  TinyModel model;
  TempDir out;
  std::string src() const { return model.path(); }
  std::string dst() const { return out.file("dst"); }
  size_t entries() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(out.path()), fs::directory_iterator()));
  }
};

TEST(ConvertCli, WritesAndSaysSo) {
  const Dirs d;
  const Finished f = run(
      {"convert", d.src(), d.dst(), "--exits", "1,3", "--drop-layers", "2", "--dtype", "bfloat16"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.err, "");
  const auto lines = lines_of(f.out);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].find(d.dst() + ": deebert-bert, 3 layers, exits at layer 1, 2, 3, "), 0u)
      << lines[0];
  EXPECT_EQ(lines[1], "files: config.json, model.safetensors, vocab.txt");
  EXPECT_EQ(lines[2].find("note: " + d.src() + "/config.json: intermediate_size is 96"), 0u);
  EXPECT_EQ(lines[3], "note: 4 tensors that the model does not use are left out");
  const auto info = nlohmann::json::parse(run({"inspect", d.dst(), "--json"}).out);
  EXPECT_EQ(info["dtype"], "BF16");
  EXPECT_EQ(info["exits"].size(), 3u);
  fs::remove_all(d.dst());
  EXPECT_EQ(run({"convert", d.src(), d.dst(), "-q"}).out, "");
}

TEST(ConvertCli, Errors) {
  const Dirs d;
  const auto expect = [&](const std::vector<std::string>& flags, int code,
                          const std::string& text) {
    std::vector<std::string> args = {"convert", d.src(), d.dst()};
    args.insert(args.end(), flags.begin(), flags.end());
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, code) << f.err;
    EXPECT_EQ(f.out, "");
    EXPECT_EQ(f.err, "costeff: " + text + "\n");
    EXPECT_EQ(d.entries(), 0u);
  };
  expect({"--dtype", "float64"}, 2,
         "dtype \"float64\" is not known, expected one of float32, float16, bfloat16");
  expect({"--exits", "1,,3"}, 2, "--exits: \"1,,3\", expected all, or layers such as 1,3,6");
  expect({"--exits", "0"}, 2, "--exits: \"0\", expected all, or layers such as 1,3,6");
  expect({"--drop-layers", "1-2"}, 2, "--drop-layers: \"1-2\", expected layers such as 5,6");
  expect({"--exits", "7"}, 2, "no exit at layer 7; this model has exits at layer 1, 2, 3, 4");
  const Finished same = run({"convert", d.src(), d.src()});
  EXPECT_EQ(same.exit_code, 2);
  EXPECT_EQ(same.err,
            "costeff: " + d.src() + ": is the source itself, expected another directory\n");
  write_file(d.dst(), "a file");
  const Finished file = run({"convert", d.src(), d.dst()});
  EXPECT_EQ(file.exit_code, 5);
  EXPECT_EQ(read_whole_file(d.dst()), "a file");
  EXPECT_EQ(run({"convert", d.out.file("none"), d.out.file("dst2")}).exit_code, 4);
  EXPECT_EQ(d.entries(), 1u);
}

TEST(DiffCli, ExitCodesAndText) {
  const Dirs d;
  ASSERT_EQ(run({"convert", d.src(), d.dst(), "--dtype", "float16", "-q"}).exit_code, 0);
  const Finished same = run({"diff", d.src(), d.src()});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_EQ(lines_of(same.out).back(), "same");
  EXPECT_EQ(lines_of(same.out)[3], "exits, on 6 rows:");
  EXPECT_EQ(lines_of(same.out)[4], "  layer 1: max logit difference 0, 0 other labels");
  const Finished half = run({"diff", d.src(), d.dst()});
  EXPECT_EQ(half.exit_code, 1);
  EXPECT_EQ(half.err, "");
  EXPECT_EQ(lines_of(half.out).back(), "different");
  EXPECT_NE(half.out.find("classifier.weight: max difference "), std::string::npos);
  EXPECT_NE(half.out.find(", F32 / F16\n"), std::string::npos);
  EXPECT_EQ(run({"diff", d.src(), d.dst(), "--tolerance", "0.1"}).exit_code, 0);
  EXPECT_EQ(run({"diff", d.src(), d.dst(), "--tolerance", "-1"}).exit_code, 2);
  EXPECT_EQ(run({"diff", d.src(), d.out.file("none")}).exit_code, 4);
}

TEST(DiffCli, JsonOnTheRowsGiven) {
  const Dirs d;
  const Finished f = run({"diff", d.src(), d.src(), "-", "--json"}, "w1 w2\nw3\n");
  EXPECT_EQ(f.exit_code, 0) << f.err;
  const auto j = nlohmann::json::parse(f.out);
  EXPECT_EQ(j["same"], true);
  EXPECT_EQ(j["rows"], 2);
  EXPECT_EQ(j["a"]["dialect"], "deebert-bert");
  ASSERT_EQ(j["exits"].size(), 4u);
  EXPECT_EQ(j["exits"][3], (nlohmann::json{{"layer", 4},
                                           {"in_a", true},
                                           {"in_b", true},
                                           {"max_difference", 0.0},
                                           {"label_disagreements", 0}}));
  EXPECT_EQ(j["tensors"][0]["name"], "bert.embeddings.LayerNorm.bias");
  EXPECT_EQ(j["tensors"][0]["a"]["shape"], nlohmann::json({24}));
  EXPECT_EQ(j["tensors"][0]["same_bits"], true);
}

TEST(TokenizeCli, FormatsWithoutWeights) {
  TempDir dir;
  write_file(dir.file("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nw1\nw2\n");
  EXPECT_EQ(run({"tokenize", dir.path(), "-"}, "w1 w2\n\nw2 x\n").out,
            "[CLS] w1 w2 [SEP]\n[CLS] [SEP]\n[CLS] w2 [UNK] [SEP]\n");
  EXPECT_EQ(
      run({"tokenize", dir.path(), "-", "--format", "tsv", "--separator", "|", "--max-length", "5"},
          "w1|w2 w2 w2\n")
          .out,
      "id\ttokens\tinput_ids\toffsets\n1\t[CLS] w1 [SEP] w2 [SEP]\t2 5 3 6 3\t- a:0-2 - b:0-2 -\n");
  const Finished f =
      run({"tokenize", dir.path(), "-", "--input-format", "jsonl", "-o", dir.file("out.jsonl")},
          "{\"id\": \"x\", \"text\": \"w2\"}\n");
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(read_whole_file(dir.file("out.jsonl")),
            "{\"id\":\"x\",\"tokens\":[\"[CLS]\",\"w2\",\"[SEP]\"],\"input_ids\":[2,6,3],\"token_"
            "type_ids\":[0,0,0],"
            "\"sequence_ids\":[null,0,null],\"byte_offsets\":[[0,0],[0,2],[0,0]],\"char_offsets\":["
            "[0,0],[0,2],[0,0]]}\n");
}

// infer can read its JSONL.
TEST(TokenizeCli, FeedsInfer) {
  const TinyModel m;
  const std::string text = joined(tiny_texts(20, 4));
  const Finished tokens =
      run({"tokenize", m.path(), "-", "--format", "jsonl", "--max-length", "64"}, text);
  const Finished a =
      run({"infer", m.path(), "-", "--input-format", "jsonl", "--format", "jsonl"}, tokens.out);
  const Finished b = run({"infer", m.path(), "-", "--format", "jsonl"}, text);
  EXPECT_EQ(a.exit_code, 0) << a.err;
  EXPECT_EQ(a.out, b.out);
}

TEST(TokenizeCli, Errors) {
  const TempDir dir;
  const Finished none = run({"tokenize", dir.path(), "-"}, "x\n");
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_NE(none.err.find(dir.path() + ": no tokenizer"), std::string::npos);
  const TinyModel m;
  EXPECT_EQ(run({"tokenize", m.path(), "-", "--format", "csv"}, "").exit_code, 2);
  EXPECT_EQ(run({"tokenize", m.path(), "-", "--max-length", "1"}, "w1\n").exit_code, 2);
  EXPECT_EQ(run({"tokenize", m.path(), m.path() + "/none.txt"}).exit_code, 3);
}

// Rows appear while the program waits for more.
TEST(TokenizeCli, AnswersAtOnceAndStops) {
  const TinyModel m;
  Process p({.args = {"tokenize", m.path(), "-"}, .cwd = "", .stdout_path = ""});
  p.write("w1\n");
  EXPECT_TRUE(p.wait_for_output("[CLS] w1 [SEP]\n"));
  p.write("w2\n");
  EXPECT_TRUE(p.wait_for_output("[CLS] w2 [SEP]\n"));
  p.send(SIGTERM);
  EXPECT_EQ(p.finish().exit_code, 143);
}

}  // namespace
}  // namespace costeff::cli
