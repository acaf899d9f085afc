// costeff sweep: every point is what infer answers, files appear whole or not at all.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "cli/expected_rows.h"
#include "shared_data.h"

namespace costeff::cli {
namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

struct SweepCli : testing::Test {
  TinyModel model;
  TempDir dir;
  Strings texts = tiny_texts(120, 5), labels{"0", "2", "1", "1"};
  std::string data = dir.file("rows.tsv");
  SweepCli() {
    std::string rows = "text\tlabel\n";
    for (size_t i = 0; i < texts.size(); ++i) rows += texts[i] + "\t" + labels[i % 4] + "\n";
    write_file(data, rows);
  }
  Finished sweep(const Strings& more) {
    Strings args{"sweep", model.path(), "--data", data};
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  }
  Json json(const Strings& more) {
    Strings args{"--json", "-"};
    args.insert(args.end(), more.begin(), more.end());
    const Finished f = sweep(args);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return f.exit_code == 0 ? Json::parse(f.out) : Json();
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(dir.path()), {}));
  }
};

// The flags of infer for a point of the JSON.
Strings infer_flags(const Json& point) {
  const std::string policy = point.at("policy"), setting = point.at("setting");
  if (policy == "never") return {"--policy", "never"};
  if (policy == "fixed") return {"--exit-layer", setting};
  if (policy == "patience") return {"--patience", setting};
  if (point.contains("patience") || point.contains("exit_weights")) {
    Strings flags{"--policy", policy, "--threshold",
                  fmt::format("{}", point["thresholds"][0].get<double>())};
    if (point.contains("patience"))
      flags.insert(flags.end(), {"--patience", fmt::format("{}", point["patience"].get<int>())});
    if (point.contains("average")) flags.push_back("--average");
    if (point.contains("exit_weights")) {
      std::string weights;
      for (const Json& w : point["exit_weights"])
        weights += (weights.empty() ? "" : ",") + fmt::format("{}", w.get<double>());
      flags.insert(flags.end(), {"--exit-weights", weights});
    }
    return flags;
  }
  return {"--policy", policy, "--threshold", setting};
}

TEST_F(SweepCli, PointsAreWhatInferAnswers) {
  const Json j = json({"--policies", "entropy,max-prob,margin,patience,fixed,margin-by-layer",
                       "--points", "4", "--point", "entropy:0.9,0.5,0.7"});
  std::vector<std::string> curves;
  int compared = 0;
  for (const Json& p : j.at("points")) {
    curves.push_back(p.at("curve"));
    if (curves.back() == "margin-by-layer" && compared % 5 != 0) {
      ++compared;
      continue;
    }
    ++compared;
    Strings args{"infer", model.path(), data};
    const Strings flags = infer_flags(p);
    args.insert(args.end(), flags.begin(), flags.end());
    const Finished f = run(args);
    ASSERT_EQ(f.exit_code, 0) << f.err;
    const Strings label = column(f.out, 1), layer = column(f.out, 4);
    int64_t right = 0;
    std::vector<int64_t> histogram(4);
    for (size_t i = 0; i < label.size(); ++i) {
      right += label[i] == "LABEL_" + labels[i % 4];
      ++histogram[static_cast<size_t>(std::stoi(layer[i]) - 1)];
    }
    SCOPED_TRACE(p.at("text").get<std::string>());
    EXPECT_EQ(p.at("exit_histogram").get<std::vector<int64_t>>(), histogram);
    EXPECT_NEAR(p.at("quality").get<double>(), static_cast<double>(right) / 120, 1e-12);
  }
  for (const char* curve :
       {"never", "given", "entropy", "max-prob", "margin", "patience", "fixed", "margin-by-layer"})
    EXPECT_NE(std::find(curves.begin(), curves.end(), curve), curves.end()) << curve;
}

TEST_F(SweepCli, ExitsInARow) {
  const Json j = json({"--policies",
                       "confident-patience-average,divergence-patience,evidence,"
                       "confident-patience-2",
                       "--points", "6", "--point", "confident-patience:2:1:average", "--point",
                       "divergence-patience:1:0.01", "--point", "evidence:0.8"});
  EXPECT_EQ(j.at("weights_estimated"), true);
  std::set<std::string> curves;
  for (const Json& p : j.at("points")) {
    curves.insert(p.at("curve"));
    Strings args{"infer", model.path(), data};
    const Strings flags = infer_flags(p);
    args.insert(args.end(), flags.begin(), flags.end());
    const Finished f = run(args);
    ASSERT_EQ(f.exit_code, 0) << f.err;
    const Strings label = column(f.out, 1), layer = column(f.out, 4);
    int64_t right = 0, layers = 0;
    for (size_t i = 0; i < label.size(); ++i) {
      right += label[i] == "LABEL_" + labels[i % 4];
      layers += std::stoi(layer[i]);
    }
    SCOPED_TRACE(p.at("text").get<std::string>());
    EXPECT_NEAR(p.at("quality").get<double>(), static_cast<double>(right) / 120, 1e-12);
    EXPECT_NEAR(p.at("mean_exit_layer").get<double>(), static_cast<double>(layers) / 120, 1e-12);
  }
  EXPECT_EQ(curves,
            (std::set<std::string>{"never", "given", "confident-patience-1-average",
                                   "confident-patience-2-average", "confident-patience-3-average",
                                   "confident-patience-2", "divergence-patience-1",
                                   "divergence-patience-2", "evidence"}));
  const std::string note = "evidence: exit weights were estimated on these very rows";
  EXPECT_NE(sweep({"--policies", "evidence"}).out.find(note), std::string::npos);
  EXPECT_EQ(sweep({"--policies", "evidence", "--exit-weights", "0.5,0.6,0.7"}).out.find(note),
            std::string::npos);
  EXPECT_FALSE(json({"--policies", "entropy"}).contains("weights_estimated"));
  // One line for each curve and setting, in 80 columns without averages.
  const Finished f = sweep({"--policies", "divergence-patience,confident-patience", "--quiet"});
  EXPECT_NE(f.out.find(" divergence-patience 2 < "), std::string::npos) << f.out;
  for (const std::string& line : lines_of(f.out))
    EXPECT_TRUE(line.size() <= 82 || line.find(model.path()) != std::string::npos) << line;
}

TEST_F(SweepCli, ThresholdsAndTable) {
  const Finished f = sweep({"--thresholds", "0:1:0.25", "--quiet"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.err, "");
  for (const char* setting : {" 0 ", " 0.25 ", " 0.5 ", " 0.75 ", " 1 "})
    EXPECT_NE(f.out.find("entropy          " + std::string(setting)), std::string::npos) << setting;
  for (const std::string& line : lines_of(f.out)) {
    // An ellipsis is three bytes and one column; the first line names files.
    EXPECT_TRUE(line.size() <= 82 || line.find(model.path()) != std::string::npos) << line;
  }
}

TEST_F(SweepCli, WritesAllFiles) {
  const Finished f = sweep({"--tsv", dir.file("a.tsv"), "--json", dir.file("a.json"), "--html",
                            dir.file("a.html"), "--svg", dir.file("a.svg"), "--title", "T<1>"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json j = Json::parse(read_whole_file(dir.file("a.json")));
  const std::string tsv = read_whole_file(dir.file("a.tsv"));
  EXPECT_EQ(lines_of(tsv).size(), j.at("points").size() + 1);
  EXPECT_TRUE(tsv.starts_with("curve\tpolicy\tsetting\texit_start\trows\tquality\t"));
  EXPECT_EQ(j.at("exits").size(), 4u);
  EXPECT_NE(read_whole_file(dir.file("a.html")).find("T&lt;1&gt;"), std::string::npos);
  EXPECT_TRUE(read_whole_file(dir.file("a.svg")).starts_with("<svg "));
  EXPECT_EQ(files(), 5u);
  EXPECT_NE(f.err.find("costeff: wrote " + dir.file("a.tsv") + ", " + dir.file("a.json") + ", " +
                       dir.file("a.svg") + " and " + dir.file("a.html") + "\n"),
            std::string::npos)
      << f.err;
}

TEST_F(SweepCli, SaysWhatItWrote) {
  const Strings few{"--policies", "fixed"};
  const auto said = [&](Strings flags) {
    flags.insert(flags.end(), few.begin(), few.end());
    const Finished f = sweep(flags);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    const size_t at = f.err.find("costeff: wrote ");
    return at == std::string::npos ? "" : f.err.substr(at);
  };
  const std::string tsv = dir.file("a.tsv"), svg = dir.file("a.svg");
  EXPECT_EQ(said({}), "");
  EXPECT_EQ(said({"--tsv", tsv}), "costeff: wrote " + tsv + "\n");
  EXPECT_EQ(said({"--tsv", tsv, "--svg", svg}), "costeff: wrote " + tsv + " and " + svg + "\n");
  EXPECT_EQ(said({"--tsv", "-"}), "");
  EXPECT_EQ(said({"--tsv", "-", "--svg", svg}), "costeff: wrote " + svg + "\n");
  EXPECT_EQ(said({"--tsv", tsv, "--quiet"}), "");
}

TEST_F(SweepCli, TimedMeasuresEveryBatchSize) {
  const Json j = json({"--policies", "entropy", "--points", "3", "--point", "entropy:0.9",
                       "--timed", "--batch-tokens", "64,256", "--repeat", "2"});
  int timed = 0;
  for (const Json& p : j.at("points")) {
    if (!p.contains("timings")) continue;
    ++timed;
    ASSERT_EQ(p.at("timings").size(), 2u);
    EXPECT_EQ(p.at("timings")[0].at("batch_tokens"), 64);
    EXPECT_EQ(p.at("timings")[1].at("seconds").size(), 2u);
    EXPECT_GT(p.at("timings")[1].at("rows_per_s").get<double>(), 0);
  }
  EXPECT_EQ(timed, 2);  // full depth and the one that was given
  EXPECT_EQ(j.at("points")[0].at("timings")[0].at("speedup_time"), 1.0);
}

TEST_F(SweepCli, WithoutLabels) {
  write_file(dir.file("bare.txt"), joined(texts));
  const Finished f = run({"sweep", model.path(), "--data", dir.file("bare.txt"), "--unlabelled",
                          "--policies", "fixed", "--json", "-"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json j = Json::parse(f.out);
  EXPECT_EQ(j.at("quality_name"), "agreement");
  EXPECT_EQ(j.at("labelled"), false);
  EXPECT_EQ(j.at("points")[0].at("quality"), 1.0);
}

TEST_F(SweepCli, ThatDoesNotFit) {
  write_file(dir.file("nolabel.tsv"), "text\nw1 w2\n");
  write_file(dir.file("empty.tsv"), "text\tlabel\n");
  const struct {
    Strings args;
    int code;
    const char* says;
  } cases[] = {
      {{"sweep", model.path()}, 2, "--data"},
      {{"sweep", model.path(), "--data", data, "--policies", "entropie"}, 2, "entropie"},
      {{"sweep", model.path(), "--data", data, "--policies", "patience-by-layer"}, 2, "by layer"},
      {{"sweep", model.path(), "--data", data, "--policies", "learned"}, 2, "BERxiT"},
      {{"sweep", model.path(), "--data", data, "--thresholds", "0:1"}, 2, "first:last:step"},
      {{"sweep", model.path(), "--data", data, "--point", "fixed:9"}, 2, "9"},
      {{"sweep", model.path(), "--data", data, "--point", "entropy:1,2"}, 2, "2 thresholds"},
      {{"sweep", model.path(), "--data", data, "--svg", "a.svg", "--svg-axis", "time"},
       2,
       "--timed"},
      {{"sweep", model.path(), "--data", data, "--timed", "--batch-tokens", "5,x"},
       2,
       "--batch-tokens \"5,x\", expected whole"},
      {{"sweep", model.path(), "--data", data, "--timed", "--batch-tokens", "x"},
       2,
       "--batch-tokens \"x\", expected whole"},
      {{"sweep", model.path(), "--data", data, "--timed", "--batch-tokens", "64,2;128,1"},
       2,
       "--batch-tokens \"64,2;128,1\", expected whole"},
      {{"sweep", model.path(), "--data", data, "--timed", "--batch-tokens", "6.4e1"},
       2,
       "--batch-tokens \"6.4e1\", expected whole"},
      {{"sweep", model.path(), "--data", data, "--thresholds", "0.1,2;0.4,1"},
       2,
       "--thresholds \"0.1,2;0.4,1\""},
      {{"sweep", model.path(), "--data", data, "--svg", "a.svg", "--svg-axis", "speed"},
       2,
       "--svg-axis \"speed\" is not known, expected one of layers, macs, time"},
      {{"sweep", model.path(), "--data", data, "--repeat", "2"}, 2, "--repeat requires --timed"},
      {{"sweep", model.path(), "--data", data, "--policies", "all,foo"}, 2, "-by-layer, or all"},
      {{"sweep", model.path(), "--data", "-", "--timed"}, 2, "standard input"},
      {{"sweep", model.path(), "--data", data, "--exit-start", "9"}, 2, "1 to 4"},
      {{"sweep", model.path(), "--data", dir.file("none.tsv")}, 3, "none.tsv"},
      {{"sweep", model.path(), "--data", dir.file("nolabel.tsv")}, 3, "nolabel.tsv"},
      {{"sweep", model.path(), "--data", dir.file("empty.tsv")}, 3, "no rows"},
      {{"sweep", dir.file("nomodel"), "--data", data}, 4, "nomodel"},
      {{"sweep", model.path(), "--data", data, "--html", dir.path() + "/no/a.html"},
       5,
       "no/a.html"},
      {{"sweep", model.path(), "--data", data, "--tsv", dir.path()}, 5, "is a directory"},
      {{"sweep", model.path(), "--data", data, "--tsv", "-", "--json", "-"}, 2, "two outputs"},
      {{"sweep", model.path(), "--data", data, "--tsv", dir.file("b"), "--json",
        dir.path() + "/./b"},
       2,
       "two outputs"},
  };
  for (const auto& c : cases) {
    const Finished f = run(c.args);
    EXPECT_EQ(f.exit_code, c.code) << joined(c.args) << f.err;
    EXPECT_NE(f.err.find(c.says), std::string::npos) << f.err;
    EXPECT_EQ(f.out, "") << joined(c.args);
    // An error is one line. If it is about rows, it may follow the line that says what they are.
    const auto lines = std::count(f.err.begin(), f.err.end(), '\n');
    EXPECT_LE(lines, c.code == 3 ? 2 : 1) << f.err;
  }
  EXPECT_EQ(files(), 3u);  // nothing new, nothing half-written
  const std::string missing = dir.file("none.tsv");
  EXPECT_EQ(run({"sweep", model.path(), "--data", missing}).err,
            "costeff: " + missing + ": No such file or directory\n");
}

TEST_F(SweepCli, InterruptLeavesNothing) {
  Process p({.args = {"sweep", model.path(), "--data", "-", "--html", dir.file("a.html"), "--json",
                      dir.file("a.json")}});
  p.write("text\tlabel\nw1\t1\nw2\t0\n");
  // It has opened its files and waits for rows.
  for (int i = 0; i < 500 && files() < 3; ++i) ::usleep(10000);
  ASSERT_EQ(files(), 3u);
  p.send(SIGINT);
  const Finished f = p.finish();
  EXPECT_EQ(f.exit_code, 130);
  EXPECT_NE(f.err.find("interrupted"), std::string::npos);
  EXPECT_EQ(f.out, "");
  EXPECT_EQ(files(), 1u);
}

TEST(SweepShared, RegressionAndLearnedAndTrained) {
  COSTEFF_NEED_SHARED("golden/pabee_stsb");
  TempDir dir;
  write_file(dir.file("s.tsv"),
             "sentence1\tsentence2\tscore\na man\ta dog\t1.5\nhe sings\tshe sings\t4\n"
             "a plane\tthe plane\t4.2\nno\tyes\t0.4\n");
  Finished f = run({"sweep", shared_path("golden/pabee_stsb"), "--data", dir.file("s.tsv"),
                    "--json", "-", "--points", "12"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  Json j = Json::parse(f.out);
  EXPECT_EQ(j.at("quality_name"), "pearson");
  EXPECT_GT(j.at("points").size(), 10u);
  f = run({"sweep", shared_path("golden/pabee_stsb"), "--data", dir.file("s.tsv"), "--policies",
           "entropy"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_NE(f.err.find("regression"), std::string::npos);

  write_file(dir.file("l.tsv"), "sentence\tlabel\na fine film\t1\ndull\t0\n");
  f = run({"sweep", shared_path("golden/berxit"), "--data", dir.file("l.tsv"), "--json", "-"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.out.find("\"curve\": \"learned\""), std::string::npos);
}

// The table that came with the model, from one command.
TEST(SweepShared, TableOfTheTrainedModel) {
  const Json truth = Json::parse(read_whole_file(bundled_path("dev_results.json")));
  Strings args{"sweep",        kBundledModel,
               "--data",       shared_path("glue/SST-2"),
               "--max-length", "128",
               "--policies",   "fixed",
               "--json",       "-"};
  for (const Json& t : truth.at("thresholds")) {
    args.push_back("--point");
    args.push_back("entropy:" + t.at("threshold").dump());
  }
  const Finished f = run(args);
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json j = Json::parse(f.out);
  size_t at = 0;
  for (const Json& p : j.at("points")) {
    if (p.at("curve") != "given") continue;
    const Json& t = truth.at("thresholds").at(at++);
    EXPECT_EQ(p.at("exit_histogram"), t.at("exit_histogram"));
    EXPECT_NEAR(p.at("quality").get<double>() * 872, t.at("correct").get<double>(), 1e-9);
  }
  EXPECT_EQ(at, truth.at("thresholds").size());
}

}  // namespace
}  // namespace costeff::cli
