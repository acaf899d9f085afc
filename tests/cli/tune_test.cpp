// costeff tune: what it chooses, writes and promises.

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <regex>

#include "cli/expected_rows.h"
#include "shared_data.h"

namespace costeff::cli {
namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

struct TuneCli : testing::Test {
  TinyModel model;
  TempDir dir;
  Strings texts = tiny_texts(400, 5);
  std::string data = dir.file("rows.tsv"), policy = model.path() + "/exit_policy.json";

  // Labels are the answers at full depth, which is thus always right.
  TuneCli() {
    write_file(dir.file("rows.txt"), joined(texts));
    const Finished f = run({"infer", model.path(), dir.file("rows.txt"), "--policy", "never"});
    const Strings label = column(f.out, 1);
    std::string rows = "text\tlabel\n";
    for (size_t i = 0; i < texts.size(); ++i) rows += texts[i] + "\t" + label[i] + "\n";
    write_file(data, rows);
  }
  Finished tune(const Strings& more, const std::string& file = "") {
    Strings args{"tune", model.path(), "--data", file.empty() ? data : file};
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  }
  // The number of rows that infer now answers wrongly, and their mean exit layer.
  std::pair<int64_t, double> by_infer() {
    const Finished f = run({"infer", model.path(), data});
    EXPECT_EQ(f.exit_code, 0) << f.err;
    const Strings label = column(f.out, 1), layer = column(f.out, 4);
    const Strings gold = column(read_whole_file(data), 1);
    int64_t wrong = 0, layers = 0;
    for (size_t i = 0; i < label.size(); ++i) {
      wrong += label[i] != gold[i];
      layers += std::stoi(layer[i]);
    }
    return {wrong, static_cast<double>(layers) / static_cast<double>(label.size())};
  }
};

TEST_F(TuneCli, WritesWhatInferThenUses) {
  const Finished f = tune({"--max-drop", "0.05", "--json"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json j = Json::parse(f.out);
  EXPECT_EQ(j.at("written"), policy);
  EXPECT_EQ(j.at("promise"), nullptr);
  const auto [wrong, mean_layer] = by_infer();
  EXPECT_LE(wrong, 20);  // 0.05 of 400
  EXPECT_NEAR(j.at("chosen").at("mean_exit_layer").get<double>(), mean_layer, 1e-9);
  EXPECT_EQ(j.at("chosen").at("losses"), wrong);
  EXPECT_LT(mean_layer, 4);
  const Finished verbose = run({"infer", model.path(), dir.file("rows.txt"), "--verbose"});
  EXPECT_NE(verbose.err.find("(exit_policy.json)"), std::string::npos) << verbose.err;
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(model.path()), {}), 4);
}

TEST_F(TuneCli, EveryPolicyItCanTuneCanBeUsed) {
  for (const char* kind : {"entropy", "max-prob", "margin", "patience", "fixed"}) {
    const Finished f = tune({"--max-drop", "0.9", "--policy", kind, "--json"});
    ASSERT_EQ(f.exit_code, 0) << kind << f.err;
    const auto [wrong, mean_layer] = by_infer();
    EXPECT_NEAR(Json::parse(f.out).at("chosen").at("mean_exit_layer").get<double>(), mean_layer,
                1e-9)
        << kind;
  }
  for (const char* kind : {"entropy", "max-prob", "margin"}) {
    const Finished f = tune({"--max-drop", "0.3", "--per-layer", "--policy", kind, "--json"});
    ASSERT_EQ(f.exit_code, 0) << kind << f.err;
    EXPECT_EQ(Json::parse(read_whole_file(policy)).at("thresholds").size(), 4u);
    const auto [wrong, mean_layer] = by_infer();
    EXPECT_NEAR(Json::parse(f.out).at("chosen").at("mean_exit_layer").get<double>(), mean_layer,
                1e-9)
        << kind;
  }
}

// With averages the answer is not that of one exit; what tune counts is what infer then answers.
TEST_F(TuneCli, ExitsInARow) {
  const struct {
    Strings flags;
    const char* family;
    int64_t patience;
  } cases[] = {
      {{"--policy", "confident-patience"}, "confident-patience-2", 2},
      {{"--policy", "confident-patience-1"}, "confident-patience-1", 1},
      {{"--policy", "confident-patience", "--average"}, "confident-patience-2-average", 2},
      {{"--policy", "confident-patience-3-average"}, "confident-patience-3-average", 3},
      {{"--policy", "divergence-patience", "--patience", "1"}, "divergence-patience-1", 1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.family);
    Strings flags{"--max-drop", "0.4", "--json"};
    flags.insert(flags.end(), c.flags.begin(), c.flags.end());
    const Finished f = tune(flags);
    ASSERT_EQ(f.exit_code, 0) << f.err;
    const Json j = Json::parse(f.out), written = Json::parse(read_whole_file(policy));
    EXPECT_EQ(j.at("families").at(0).at("policy"), c.family);
    EXPECT_EQ(j.at("search_rows"), 0);
    EXPECT_EQ(written.at("patience"), c.patience);
    EXPECT_EQ(written.contains("average"), std::string(c.family).ends_with("average"));
    const auto [wrong, mean_layer] = by_infer();
    EXPECT_NEAR(j.at("chosen").at("mean_exit_layer").get<double>(), mean_layer, 1e-9);
    EXPECT_EQ(j.at("chosen").at("losses"), wrong);
    EXPECT_LT(mean_layer, 4);
  }
}

TEST_F(TuneCli, EvidenceIsTestedOnOtherRows) {
  const Strings flags{"--max-drop", "0.4", "--policy", "evidence"};
  const Finished f = tune(flags);
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const std::string said =
      std::regex_replace(f.out, std::regex("\\s+"), " ");  // lines break where the path lets them
  EXPECT_NE(said.find("400 rows: 200 to estimate exit weights on, 200 to test settings on"),
            std::string::npos)
      << f.out;
  const Json j = Json::parse(read_whole_file(policy));
  EXPECT_EQ(j.at("policy"), "evidence");
  EXPECT_EQ(j.at("exit_weights").size(), 3u);
  EXPECT_EQ(j.at("weights_from").get<std::string>().size(), 16u);
  EXPECT_EQ(j.at("tuned").at("exit_weights"),
            "accuracy of each exit on the 200 rows that were not tested on");
  EXPECT_LT(by_infer().second, 4);

  // The texts alone tell whether weights come from these rows.
  const std::string note = "some of these rows";
  EXPECT_NE(run({"eval", model.path(), "--data", data}).err.find(note), std::string::npos);
  EXPECT_NE(run({"sweep", model.path(), "--data", dir.file("rows.txt"), "--unlabelled",
                 "--policies", "evidence"})
                .err.find(note),
            std::string::npos);
  write_file(dir.file("others.tsv"), read_whole_file(data) + "w1 w2\tLABEL_1\n");
  const Finished others = run({"eval", model.path(), "--data", dir.file("others.tsv")});
  EXPECT_EQ(others.exit_code, 0) << others.err;
  EXPECT_EQ(others.err.find(note), std::string::npos);

  const Finished unlabelled =
      tune({"--max-drop", "0.4", "--policy", "evidence", "--consistency"}, dir.file("rows.txt"));
  ASSERT_EQ(unlabelled.exit_code, 0) << unlabelled.err;
  EXPECT_EQ(Json::parse(read_whole_file(policy)).at("tuned").at("exit_weights"),
            "agreement with full depth of each exit on the 200 rows that were not tested on");
  write_file(dir.file("one.tsv"), "text\tlabel\nw1\tLABEL_1\n");
  for (const auto& [share, part] :
       {std::pair<const char*, const char*>{"0.4", "estimate exit weights"}, {"0.5", "test"}}) {
    const Finished few =
        tune({"--max-drop", "0.4", "--policy", "evidence", "--search-share", share},
             dir.file("one.tsv"));
    EXPECT_EQ(few.exit_code, 3);
    EXPECT_EQ(
        few.err.substr(few.err.rfind("costeff: ")),
        fmt::format("costeff: {}: of 1 row --search-share {} leaves none to {} on, expected more "
                    "rows or another share\n",
                    dir.file("one.tsv"), share, part));
  }
}

TEST_F(TuneCli, PromiseIsSaidAndStored) {
  const Finished f = tune({"--max-drop", "0.1", "--consistency", "--confidence", "0.95"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.out.find("with 95% confidence: at most 10% of rows"), std::string::npos) << f.out;
  const Json j = Json::parse(read_whole_file(policy));
  EXPECT_EQ(j.at("policy"), "entropy");
  EXPECT_EQ(j.at("tuned").at("confidence"), 0.95);
  EXPECT_LE(j.at("tuned").at("p_value").get<double>(), 0.05);
  EXPECT_NE(j.at("tuned").at("promise").get<std::string>().find("95%"), std::string::npos);
}

TEST_F(TuneCli, TooLittleDataPromisesAndWritesNothing) {
  Finished f = tune({"--max-drop", "0.005", "--consistency", "--confidence", "0.95"});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_NE(f.err.find("400 rows are too few"), std::string::npos) << f.err;
  EXPECT_NE(f.err.find("598 would be needed"), std::string::npos) << f.err;
  EXPECT_FALSE(std::filesystem::exists(policy));
  EXPECT_NE(f.out.find("written   nothing"), std::string::npos);
  f = tune({"--max-drop", "0.005", "--consistency", "--confidence", "0.95", "--else-never"});
  EXPECT_EQ(f.exit_code, 1);
  EXPECT_EQ(Json::parse(read_whole_file(policy)).at("policy"), "never");
}

TEST_F(TuneCli, DryRunAndOtherPlaces) {
  EXPECT_EQ(tune({"--max-drop", "0.5", "--dry-run"}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(policy));
  EXPECT_EQ(tune({"--max-drop", "0.5", "-o", dir.file("p.json")}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(policy));
  const Finished f = tune({"--max-drop", "0.5", "-o", "-"});
  EXPECT_EQ(f.out, read_whole_file(dir.file("p.json")));
  const Finished both = tune({"--max-drop", "0.5", "-o", "-", "--json"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_NE(both.err.find("both ask for standard output"), std::string::npos) << both.err;
}

TEST_F(TuneCli, SpeedUpIsReached) {
  const Finished f = tune({"--speedup", "1.5", "--json"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_LE(by_infer().second, 4 / 1.5);
  const Finished far = tune({"--speedup", "9", "--dry-run"});
  EXPECT_EQ(far.exit_code, 1);
}

TEST_F(TuneCli, BudgetIsMeasured) {
  const Finished f = tune({"--budget-ms", "1000", "--repeat", "1", "--json"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json j = Json::parse(f.out);
  EXPECT_LE(j.at("chosen").at("ms_per_row").get<double>(), 1000);
  EXPECT_EQ(tune({"--budget-ms", "1e-7", "--repeat", "1", "--dry-run"}).exit_code, 1);
}

TEST_F(TuneCli, LabelsAreNotNeededForConsistency) {
  const Finished f =
      tune({"--max-drop", "0.1", "--consistency", "--dry-run"}, dir.file("rows.txt"));
  EXPECT_EQ(f.exit_code, 0) << f.err;
}

TEST_F(TuneCli, ThatDoesNotFit) {
  const struct {
    Strings flags;
    int code;
    const char* says;
  } cases[] = {
      {{}, 2, "--max-drop, --speedup or --budget-ms"},
      {{"--max-drop", "0.1", "--speedup", "2"}, 2, "one of them"},
      {{"--max-drop", "0"}, 2, "above 0"},
      {{"--max-drop", "2"}, 2, "between 0 and 1"},
      {{"--max-drop", "nan"}, 2, "--max-drop"},
      {{"--speedup", "1"}, 2, "above 1"},
      {{"--budget-ms", "1", "--confidence", "0.9"}, 2, "--confidence"},
      {{"--max-drop", "0.1", "--confidence", "95"}, 2, "0.95"},
      {{"--max-drop", "0.1", "--policy", "never"}, 2, "never"},
      {{"--max-drop", "0.1", "--policy", "learned"}, 2, "BERxiT"},
      {{"--max-drop", "0.1", "--policy", "patience", "--per-layer"}, 2, "layer by layer"},
      {{"--max-drop", "0.1", "--policy", "evidence", "--per-layer"}, 2, "layer by layer"},
      {{"--max-drop", "0.1", "--patience", "2"}, 2, "--patience goes with"},
      {{"--max-drop", "0.1", "--average"}, 2, "--average goes with"},
      {{"--max-drop", "0.1", "--policy", "confident-patience-0"}, 2, "is not known"},
      {{"--max-drop", "0.1", "--score-range", "0,5"}, 2, "regression"},
      {{"--max-drop", "0.1", "--exit-start", "9"}, 2, "exit start 9"},
      {{"--max-drop", "0.1", "-o", dir.path() + "/no/p.json"}, 5, "no/p.json"},
  };
  for (const auto& c : cases) {
    const Finished f = tune(c.flags);
    EXPECT_EQ(f.exit_code, c.code) << joined(c.flags) << f.err;
    EXPECT_NE(f.err.find(c.says), std::string::npos) << f.err;
    EXPECT_EQ(f.out, "");
  }
  write_file(dir.file("nolabel.tsv"), "text\nw1 w2\n");
  EXPECT_EQ(tune({"--max-drop", "0.1"}, dir.file("nolabel.tsv")).exit_code, 3);
  EXPECT_FALSE(std::filesystem::exists(policy));
  const TinyModel plain({.dialect = "plain"});
  const Finished f = run({"tune", plain.path(), "--data", data, "--max-drop", "0.1"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_NE(f.err.find("nothing to tune"), std::string::npos) << f.err;
}

TEST_F(TuneCli, InterruptLeavesThePolicyThatWas) {
  write_file(policy, "{\"policy\": \"entropy\", \"threshold\": 0.125}\n");
  Process p({.args = {"tune", model.path(), "--data", "-", "--max-drop", "0.1"}});
  p.write("text\tlabel\nw1\t1\nw2\t0\n");
  const auto files = [&] {
    return std::distance(std::filesystem::directory_iterator(model.path()), {});
  };
  for (int i = 0; i < 500 && files() < 5; ++i) ::usleep(10000);
  ASSERT_EQ(files(), 5);
  p.send(SIGINT);
  const Finished f = p.finish();
  EXPECT_EQ(f.exit_code, 130);
  EXPECT_EQ(files(), 4);
  EXPECT_EQ(read_whole_file(policy), "{\"policy\": \"entropy\", \"threshold\": 0.125}\n");
}

TEST(TuneShared, Regression) {
  COSTEFF_NEED_SHARED("golden/pabee_stsb");
  TempDir dir;
  std::string rows = "sentence1\tsentence2\tscore\n";
  for (int i = 0; i < 80; ++i) rows += fmt::format("a man {}\ta dog\t1.5\n", i);
  write_file(dir.file("s.tsv"), rows);
  const std::string model = shared_path("golden/pabee_stsb");
  const Strings base{"tune", model, "--data", dir.file("s.tsv"), "--dry-run"};
  const auto with = [&](Strings more) {
    more.insert(more.begin(), base.begin(), base.end());
    return run(more);
  };
  Finished f = with({"--max-drop", "0.5"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_NE(f.err.find("--score-range"), std::string::npos);
  f = with(
      {"--max-drop", "4", "--score-range", "0,5", "--value-threshold", "9", "--confidence", "0.9"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.out.find("differ from full depth by at most 4 on average"), std::string::npos)
      << f.out;
  for (const char* wrong : {"5,0", "0", "0,5,6", "0,1;5,1", "x", "0,nan"}) {
    f = with({"--max-drop", "0.5", "--score-range", wrong});
    EXPECT_EQ(f.exit_code, 2);
    EXPECT_EQ(f.err, "costeff: --score-range " + std::string(wrong) +
                         ", expected two numbers, the lower one first: 0,5\n");
  }
}

}  // namespace
}  // namespace costeff::cli
