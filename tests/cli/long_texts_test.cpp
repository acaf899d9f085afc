// Texts longer than the model, by the commands.

#include "cli/eval_data.h"

namespace costeff::cli {
namespace {

struct LongTextsCli : EvalCli {
  Strings flags{"--doc-stride", "4", "--max-length", "12"};
  Finished with(Strings args, const Strings& more = {}) const {
    args.insert(args.end(), flags.begin(), flags.end());
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  }
};

TEST_F(LongTextsCli, WindowsAreListedOnRequest) {
  const Finished f = with({"infer", model.path(), data, "--text-field", "text", "-S", "1.0"},
                          {"--format", "jsonl", "--windows", "--stats-json", "-q"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  int64_t windows = 0, deepest = 0, tokens = 0;
  for (const std::string& line : lines_of(f.out)) {
    const Json row = Json::parse(line);
    int64_t layer = 0;
    for (const Json& w : row["windows"]) {
      EXPECT_LE(w["tokens"].get<int64_t>(), 12);
      tokens += w["tokens"].get<int64_t>();
      layer = std::max(layer, w["exit_layer"].get<int64_t>());
      ++windows;
    }
    EXPECT_EQ(row["exit_layer"], layer);
    deepest += layer;
    if (row["windows"].size() == 1) {
      EXPECT_EQ(row["windows"][0]["prob"], row["prob"]);
    }
  }
  EXPECT_GT(windows, 80);
  const Json stats = Json::parse(f.err);
  EXPECT_EQ(stats["windows"], windows);
  EXPECT_EQ(stats["rows"], 60);
  EXPECT_EQ(stats["tokens"], tokens);
  EXPECT_EQ(stats["truncated_rows"], 0);
}

// eval's numbers are those of infer's answers, for every way to join and to leave.
TEST_F(LongTextsCli, EvalJudgesWhatInferAnswers) {
  const Strings gold{"0", "2", "1", "1"};
  for (const char* join : {"mean", "max", "first"}) {
    for (const Strings& policy : {Strings{"-S", "1.0"}, Strings{"--patience", "1"}}) {
      Strings more = policy;
      more.insert(more.end(), {"--join", join});
      const Finished answers =
          with({"infer", model.path(), data, "--text-field", "text", "--format", "tsv"}, more);
      ASSERT_EQ(answers.exit_code, 0) << answers.err;
      const Strings labels = column(answers.out, 1), layers = column(answers.out, 4);
      int64_t correct = 0;
      double sum = 0;
      for (size_t i = 0; i < labels.size(); ++i) {
        correct += labels[i].back() == gold[i % 4][0];
        sum += std::stod(layers[i]);
      }
      more.insert(more.end(), {"--format", "json", "-q"});
      const Finished e = with({"eval", model.path(), "--data", data}, more);
      ASSERT_EQ(e.exit_code, 0) << e.err;
      const Json p = Json::parse(e.out)["evaluations"][0]["policies"][0];
      EXPECT_EQ(p["correct"], correct) << join;
      EXPECT_DOUBLE_EQ(p["mean_exit_layer"], sum / static_cast<double>(labels.size()));
    }
  }
}

TEST_F(LongTextsCli, Refusals) {
  struct Case {
    Strings args;
    const char* message;
  };
  const std::string m = model.path();
  const Case cases[] = {
      {{"infer", m, data, "--join", "max"}, "--join needs --doc-stride"},
      {{"infer", m, data, "--windows", "--format", "jsonl"}, "--windows needs --doc-stride"},
      {{"infer", m, data, "--doc-stride", "4", "--windows", "--format", "tsv"},
       "needs --format jsonl"},
      {{"infer", m, data, "--doc-stride", "4", "--truncation", "only_first"}, "says nothing with"},
      {{"infer", m, data, "--doc-stride", "4", "--join", "sum"},
       "expected one of mean, max, first"},
      {{"infer", m, data, "--doc-stride", "62"}, "expected fewer than the 62 tokens of text"},
      {{"eval", m, data, "--join", "max"}, "--join needs --doc-stride"},
  };
  for (const Case& c : cases) {
    const Finished f = run(c.args);
    EXPECT_EQ(f.exit_code, 2) << f.err;
    EXPECT_NE(f.err.find(c.message), std::string::npos) << f.err;
    EXPECT_EQ(f.out, "");
  }
}

}  // namespace
}  // namespace costeff::cli
