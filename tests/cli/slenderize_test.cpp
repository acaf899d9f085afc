// costeff slenderize: what it writes, what it says, what it refuses.

#include <gtest/gtest.h>

#include <filesystem>

#include "cli/eval_data.h"
#include "tiny_checkpoint.h"

namespace costeff::cli {
namespace {

struct SlenderizeCli : EvalCli {
  std::string whole = dir.file("whole"), out = dir.file("out"), rows = dir.file("rows.tsv");

  SlenderizeCli() {
    std::filesystem::create_directory(whole);
    TinyShape shape;
    shape.dialect = "plain";
    shape.heads = {4};
    shape.hidden = 16;
    shape.ffn = {64};
    shape.label_names = {"a", "b", "c"};
    write_tiny_checkpoint(whole, shape);
    std::string text = "sentence\tlabel\n";
    const std::vector<std::string> sentences = tiny_texts(80, 7);
    for (size_t i = 0; i < sentences.size(); ++i)
      text += "w1 " + sentences[i] + "\t" + std::string(1, static_cast<char>('a' + i % 3)) + "\n";
    write_file(rows, text);
  }
  Finished slenderize(const Strings& more) {
    Strings args{"slenderize", whole, "--data", rows};
    args.insert(args.end(), more.begin(), more.end());
    return run(Command{.args = args});
  }
};

int64_t sum(const Json& numbers) {
  int64_t total = 0;
  for (const Json& n : numbers) total += n.get<int64_t>();
  return total;
}

TEST_F(SlenderizeCli, WritesAModelOfTheWidthsThatItTells) {
  const Finished done = slenderize({"-o", out, "--macs", "0.6", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const Json told = Json::parse(done.out);
  EXPECT_EQ(told["dialect"], "cofi-compact");
  EXPECT_LE(told["after"]["macs"].get<double>(), 0.6 * told["before"]["macs"].get<double>());
  EXPECT_LT(sum(told["after"]["neurons"]), sum(told["before"]["neurons"]));
  for (const Json& n : told["after"]["neurons"]) EXPECT_EQ(n.get<int64_t>() % 16, 0);
  ASSERT_EQ(told["metric_after"].size(), 1u);

  const Finished inspected = run(Command{.args = {"inspect", out, "--json"}});
  ASSERT_EQ(inspected.exit_code, 0) << inspected.err;
  const Json have = Json::parse(inspected.out);
  EXPECT_EQ(have["parameters"], told["after"]["parameters"]);
  const Finished answered = run(Command{.args = {"infer", out, rows, "--format", "tsv"}});
  EXPECT_EQ(answered.exit_code, 0) << answered.err;
  // The whole model opened by it is as it was, and OUT is not written over.
  EXPECT_EQ(slenderize({"-o", out}).exit_code, 5);
}

TEST_F(SlenderizeCli, SameBitsForAnyNumberOfThreads) {
  for (const char* threads : {"1", "3"}) {
    const Finished done = slenderize({"-o", out + threads, "--threads", threads, "-q"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.err, "");
  }
  EXPECT_EQ(read_whole_file(out + "1/model.safetensors"),
            read_whole_file(out + "3/model.safetensors"));
}

// Nothing dropped, nothing fitted: the same answers.
TEST_F(SlenderizeCli, TheWholeModelAnswersAsBefore) {
  ASSERT_EQ(slenderize({"-o", out, "--macs", "1", "--tune", "none"}).exit_code, 0);
  const auto answers_of = [&](const std::string& path) {
    return run(Command{.args = {"infer", path, rows, "--format", "tsv"}}).out;
  };
  EXPECT_EQ(answers_of(out), answers_of(whole));
  EXPECT_NE(answers_of(out), "");
}

TEST_F(SlenderizeCli, OffRampsStay) {
  TinyShape shape;
  shape.heads = {4};
  shape.hidden = 16;
  shape.ffn = {64};
  shape.label_names = {"a", "b", "c"};
  write_tiny_checkpoint(whole, shape);
  for (const char* fit : {"refit", "scales"}) {
    const std::string to = out + fit;
    const Finished done = slenderize({"-o", to, "--tune", fit, "--json"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(Json::parse(done.out)["metric_after"].size(), 4u);
    const Finished left = run(Command{.args = {"infer", to, rows, "-S", "2", "--format", "tsv"}});
    ASSERT_EQ(left.exit_code, 0) << left.err;
    EXPECT_TRUE(lines_of(left.out)[1].ends_with("\t1")) << left.out;
  }
}

TEST_F(SlenderizeCli, Refuses) {
  const struct {
    Strings flags;
    int code;
    const char* says;
  } cases[] = {
      {{}, 2, "no output: -o OUT"},
      {{"-o", out, "--macs", "0.001"}, 2, "of the multiply-accumulates, expected at least"},
      {{"-o", out, "--macs", "2"}, 2, "--macs"},
      {{"-o", out, "--method", "magic"}, 2, "--method \"magic\", expected fisher"},
      {{"-o", out, "--tune", "magic"}, 2, "--tune \"magic\""},
      {{"-o", out, "--labels", "a,b,c,d"},
       3,
       "the rows have 4 classes (a, b, c, d), and the model has 3"},
      {{"-o", out, "--max-length", "500"}, 2, "max length 500"},
  };
  for (const auto& c : cases) {
    const Finished done = slenderize(c.flags);
    EXPECT_EQ(done.exit_code, c.code) << done.err;
    EXPECT_NE(done.err.find(c.says), std::string::npos) << done.err;
    EXPECT_FALSE(std::filesystem::exists(out));
  }
  // COST-EFF's form has one width for all layers.
  TinyShape slender;
  slender.dialect = "costeff";
  slender.heads = {2};
  slender.ffn = {16};
  slender.rank = 4;
  slender.label_names = {"a", "b", "c"};
  write_tiny_checkpoint(whole, slender);
  const Finished done = slenderize({"-o", out});
  EXPECT_EQ(done.exit_code, 4);
  EXPECT_NE(done.err.find("has a factorised word embedding"), std::string::npos) << done.err;
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(SlenderizeCli, DryRunWritesNothing) {
  const Finished done = slenderize({"--dry-run"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_NE(done.out.find("multiply-accumulates"), std::string::npos);
  EXPECT_EQ(done.out.find("accuracy"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace costeff::cli
