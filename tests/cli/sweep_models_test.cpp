// What costeff sweep recommends, and that costeff tune writes it; several models, long texts.

#include <algorithm>
#include <filesystem>

#include "cli/eval_data.h"
#include "shared_data.h"

namespace costeff::cli {
namespace {

struct SweepAdvice : EvalCli {
  Json sweep_json(Strings args) const {
    args.insert(args.begin(), "sweep");
    args.insert(args.end(), {"--data", data, "--json", "-", "-q"});
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return f.exit_code == 0 ? Json::parse(f.out) : Json();
  }
  // The words of a command as a shell splits them; none of these needs quotes.
  static Strings words_of(const std::string& command) {
    Strings words{""};
    for (const char c : command) {
      if (c == ' ') {
        words.emplace_back();
      } else {
        words.back() += c;
      }
    }
    return words;
  }
};

// The command of the recommendation writes that very setting, with the flags that say what the data is.
TEST_F(SweepAdvice, CommandWritesTheSetting) {
  // The bundled model, which is sure of itself, without its policy.
  TempDir bundled;
  for (const auto& file : std::filesystem::directory_iterator(kBundledModel)) {
    const std::string name = file.path().filename();
    if (name != "exit_policy.json")
      std::filesystem::create_symlink(std::filesystem::canonical(file.path()), bundled.file(name));
  }
  Json j = sweep_json({bundled.path(), "--unlabelled", "--text-field", "text", "--max-length", "9",
                       "--threads", "1", "--exit-start", "2"});
  const int64_t point = j.at("recommended").at("point");
  ASSERT_GT(point, 0) << j.at("recommended");
  Strings words = words_of(j.at("recommended").at("command"));
  ASSERT_EQ(words.front(), "costeff");
  EXPECT_EQ(words[1], "tune");
  for (const char* flag :
       {"--consistency", "--text-field", "--max-length", "--threads", "--point", "--exit-start"})
    EXPECT_NE(std::find(words.begin(), words.end(), flag), words.end()) << flag;
  words.erase(words.begin());
  const Finished f = run(words);
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.out.find("as it was given"), std::string::npos) << f.out;
  const Json chosen = j.at("points").at(static_cast<size_t>(point));
  const Json policy = Json::parse(read_whole_file(bundled.file("exit_policy.json")));
  EXPECT_EQ(policy.at("policy"), chosen.at("policy"));
  if (chosen.contains("thresholds")) {
    EXPECT_EQ(policy.at("threshold"), chosen.at("thresholds")[0]);
  }
  EXPECT_EQ(policy.at("tuned").at("mean_exit_layer"), chosen.at("mean_exit_layer"));

  // It is now the model's own, in the table, on the page and in the words.
  j = sweep_json({bundled.path(), "--unlabelled", "--text-field", "text", "--max-length", "9",
                  "--threads", "1", "--exit-start", "2"});
  const Json& points = j.at("points");
  EXPECT_TRUE(std::any_of(points.begin(), points.end(), [&](const Json& p) {
    return p.at("own") == true && p.at("text") == chosen.at("text");
  }));
}

TEST_F(SweepAdvice, ProvenanceAndAnswers) {
  const Json j = sweep_json({model.path(), "--isa", "reference", "--dtype", "float32"});
  const Json& p = j.at("provenance");
  EXPECT_EQ(p.at("kernels"), "reference");
  EXPECT_EQ(p.at("dtype"), "float32");
  EXPECT_EQ(p.at("texts").get<std::string>().size(), 16u);
  EXPECT_EQ(p.at("date").get<std::string>().size(), 20u);
  EXPECT_NE(p.at("command").get<std::string>().find(" sweep "), std::string::npos);
  // Full depth's confusions are those of costeff eval.
  const Json e = eval_json({model.path(), "--data", data, "-q", "--isa", "reference"});
  EXPECT_EQ(j.at("answers")[0].at("confusion"), e["evaluations"][0]["policies"][0]["confusion"]);
}

TEST_F(SweepAdvice, LatencyWhenTimed) {
  const Json j = sweep_json({model.path(), "--policies", "entropy", "--points", "3", "--timed",
                             "--repeat", "1", "--timed-points", "2"});
  int timed = 0;
  for (const Json& p : j.at("points")) {
    EXPECT_EQ(p.contains("timings"), p.contains("latency_p50_ms"));
    if (!p.contains("timings")) continue;
    ++timed;
    EXPECT_GT(p.at("latency_p50_ms").get<double>(), 0);
    EXPECT_GE(p.at("latency_p99_ms"), p.at("latency_p50_ms"));
    EXPECT_EQ(p.at("latency_rows"), 57);  // the first 3 of 60 warm up
  }
  EXPECT_GE(timed, 2);
}

struct SweepModels : SweepAdvice {
  TinyModel other;
};

TEST_F(SweepModels, OnePageAndOneFront) {
  const Finished f =
      run({"sweep", model.path(), other.path(), "--data", data, "--html", dir.file("a.html"),
           "--tsv", dir.file("a.tsv"), "--svg", dir.file("a.svg"), "--timed", "--repeat", "1",
           "--timed-points", "2", "--policies", "entropy,fixed"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.out.find("one front over all models"), std::string::npos) << f.out;
  const Strings lines = lines_of(read_whole_file(dir.file("a.tsv")));
  int of_model = 0, of_other = 0;
  for (const std::string& line : lines) {
    of_model += line.ends_with("\t" + model.path());
    of_other += line.ends_with("\t" + other.path());
  }
  EXPECT_GT(of_model, 20);
  EXPECT_EQ(of_model, of_other);
  const Json j = sweep_json({model.path(), other.path(), "--policies", "fixed"});
  EXPECT_EQ(j.at("models").size(), 2u);
  EXPECT_EQ(j.at("models")[0].at("points").size(), j.at("models")[1].at("points").size());
  EXPECT_EQ(j.at("recommended").at("model"), model.path());  // of equals the first
}

TEST_F(SweepModels, Refusals) {
  const struct {
    Strings args;
    const char* says;
  } cases[] = {
      {{"--data", "-"}, "standard input"},
      {{"--data", data, "--unlabelled"}, "--unlabelled compares a model with itself"},
  };
  for (const auto& c : cases) {
    Strings args{"sweep", model.path(), other.path()};
    args.insert(args.end(), c.args.begin(), c.args.end());
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, 2);
    EXPECT_NE(f.err.find(c.says), std::string::npos) << f.err;
  }
  EXPECT_NE(run({"sweep", model.path(), model.path() + "/.", "--data", data}).err.find("twice"),
            std::string::npos);
  TempDir two;
  TinyShape shape;
  shape.labels = 2;
  write_tiny_checkpoint(two.path(), shape);
  EXPECT_NE(run({"sweep", model.path(), two.path(), "--data", data})
                .err.find("expected models of one task"),
            std::string::npos);
}

// Texts in windows: every setting counts as costeff eval counts it.
TEST_F(SweepAdvice, LongTextsAsEvalCountsThem) {
  for (const char* join : {"mean", "max"}) {
    const Strings flags{"--doc-stride", "4", "--max-length", "12", "--join", join};
    Strings args{model.path(), "--point",    "entropy:1", "--point",
                 "patience:1", "--policies", "fixed"};
    args.insert(args.end(), flags.begin(), flags.end());
    const Json j = sweep_json(args);
    EXPECT_EQ(j.at("rows"), 60);
    for (const Json& p : j.at("points")) {
      if (p.at("curve") != "given") continue;
      Strings eval{model.path(), "--data",  data,
                   "-q",         "--point", p.at("policy").get<std::string>() + ":1"};
      eval.insert(eval.end(), flags.begin(), flags.end());
      const Json e = eval_json(eval)["evaluations"][0]["policies"][0];
      EXPECT_DOUBLE_EQ(p.at("quality"), e.at("metrics").at("accuracy").at("value"));
      EXPECT_DOUBLE_EQ(p.at("mean_exit_layer"), e.at("mean_exit_layer"));
      EXPECT_NEAR(p.at("speedup_macs"), e.at("speedup_macs").get<double>(), 1e-9);
    }
  }
}

TEST_F(SweepAdvice, TuneKnowsLongTexts) {
  const Finished f = run({"tune", model.path(), "--data", data, "--doc-stride", "4", "--max-length",
                          "12", "--max-drop", "0.5", "--dry-run", "--json", "-q"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json j = Json::parse(f.out);
  EXPECT_EQ(j.at("rows"), 60);
  const Json& chosen = j.at("chosen");
  const Json e = eval_json(
      {model.path(), "--data", data, "-q", "--doc-stride", "4", "--max-length", "12", "--point",
       "entropy:" + chosen.at("setting").get<std::string>()})["evaluations"][0]["policies"][0];
  EXPECT_DOUBLE_EQ(chosen.at("mean_exit_layer"), e.at("mean_exit_layer"));
  EXPECT_DOUBLE_EQ(chosen.at("accuracy"), e.at("metrics").at("accuracy").at("value"));
  const Finished searched =
      run({"tune", model.path(), "--data", data, "--doc-stride", "4", "--max-length", "12",
           "--max-drop", "0.5", "--dry-run", "--per-layer", "-q"});
  EXPECT_EQ(searched.exit_code, 0) << searched.err;
}

TEST_F(SweepAdvice, TunePointRefusals) {
  const struct {
    Strings args;
    const char* says;
  } cases[] = {
      {{"--point", "entropy:0.3", "--policy", "margin"}, "--policy says nothing with --point"},
      {{"--point", "entropy:0.3", "--point", "entropy:0.4"}, "several --point need a goal"},
      {{"--point", "entropy:0.3", "--confidence", "0.9"}, "--confidence needs a goal"},
      {{"--point", "evidence:0.3"}, "--policy evidence estimates them"},
      {{"--point", "fixed:9"}, "9"},
      {{"--point", "entropy:0.3", "--hamming", "--max-drop", "0.1"}, "--hamming counts labels"},
      {{}, "no goal given"},
  };
  for (const auto& c : cases) {
    Strings args{"tune", model.path(), "--data", data};
    args.insert(args.end(), c.args.begin(), c.args.end());
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, 2) << joined(c.args);
    EXPECT_NE(f.err.find(c.says), std::string::npos) << f.err;
    EXPECT_EQ(std::count(f.err.begin(), f.err.end(), '\n'), 1) << f.err;
  }
  EXPECT_FALSE(file_exists(model.path() + "/exit_policy.json"));
}

// A point says all about a policy: neither the start nor the average of the model's own is added to it.
TEST_F(SweepAdvice, PointsTakeNothingFromTheModelsOwnPolicy) {
  const std::string path = model.path() + "/exit_policy.json";
  const Strings tune{"tune", model.path(), "--data", data, "-q"};
  const auto written = [&](const Strings& more) {
    Strings args = tune;
    args.insert(args.end(), more.begin(), more.end());
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return Json::parse(read_whole_file(path));
  };
  write_file(path, R"({"policy": "entropy", "threshold": 0.4, "exit_start": 3})");
  EXPECT_FALSE(written({"--point", "entropy:0.5"}).contains("exit_start"));
  EXPECT_EQ(written({"--point", "entropy:0.5", "--exit-start", "2"}).at("exit_start"), 2);
  write_file(
      path,
      R"({"policy": "confident-patience", "threshold": 0.9, "patience": 2, "average": true})");
  EXPECT_FALSE(written({"--point", "confident-patience:2:0.5"}).contains("average"));
  EXPECT_TRUE(written({"--point", "confident-patience:2:0.5:average"}).at("average"));
  const Json j = sweep_json(
      {model.path(), "--policies", "fixed", "--average", "--point", "confident-patience:2:0.5"});
  EXPECT_TRUE(std::any_of(j.at("points").begin(), j.at("points").end(), [](const Json& p) {
    return p.at("curve") == "given" && p.value("average", false);
  }));
}

// Weights that come from these very rows promise nothing about others, and flatter a sweep.
TEST_F(SweepAdvice, EvidenceOfTheseRowsIsNotBelieved) {
  const Strings tune{"tune", model.path(), "--data", data, "-q"};
  const auto tuned = [&](const Strings& more) {
    Strings args = tune;
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  };
  ASSERT_EQ(tuned({"--policy", "evidence", "--max-drop", "0.9"}).exit_code, 0);
  const std::string path = model.path() + "/exit_policy.json";
  const Json before = Json::parse(read_whole_file(path));
  const Finished f = tuned({"--point", "evidence:1", "--max-drop", "0.9", "--confidence", "0.9"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_NE(f.err.find("estimated on some of these rows"), std::string::npos) << f.err;
  for (const Json& p : sweep_json({model.path(), "--policies", "evidence"}).at("points")) {
    if (p.at("policy") == "evidence") {
      EXPECT_TRUE(p.at("fitted"));
    }
  }
  // On other rows the weights are still said to come from where they come from.
  const std::string other = dir.file("other.tsv");
  write_file(other, labelled_rows("text\tlabel\n", tiny_texts(40, 9), {"0", "1"}));
  const Finished g = run({"tune", model.path(), "--data", other, "--point", "evidence:1", "-q"});
  ASSERT_EQ(g.exit_code, 0) << g.err;
  const Json after = Json::parse(read_whole_file(path));
  EXPECT_EQ(after.at("weights_from"), before.at("weights_from"));
  EXPECT_EQ(after.at("exit_weights"), before.at("exit_weights"));
  EXPECT_FALSE(after.at("tuned").contains("exit_weights"));
}

TEST_F(SweepModels, OfOneNameAreToldApartByTheirPaths) {
  TempDir a, b;
  std::filesystem::copy(model.path(), a.file("model"), std::filesystem::copy_options::recursive);
  std::filesystem::copy(model.path(), b.file("model"), std::filesystem::copy_options::recursive);
  const Finished f = run({"sweep", a.file("model"), b.file("model"), "--data", data, "--html", "-",
                          "--policies", "fixed", "-q"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  for (const std::string& path : {a.file("model"), b.file("model")})
    EXPECT_NE(f.out.find("<summary>" + path + " by itself"), std::string::npos);
}

// A recommended setting of a regression can be written too.
TEST(SweepAdviceShared, RegressionsCommandRuns) {
  COSTEFF_NEED_SHARED("golden/pabee_stsb");
  TempDir dir;
  write_file(dir.file("s.tsv"),
             "sentence1\tsentence2\tscore\na man\ta dog\t1.5\nhe sings\tshe sings\t4\n"
             "a plane\tthe plane\t4.2\nno\tyes\t0.4\n");
  const Finished f = run({"tune", shared_path("golden/pabee_stsb"), "--data", dir.file("s.tsv"),
                          "--point", "patience:2:0.776", "-o", dir.file("p.json"), "-q"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json policy = Json::parse(read_whole_file(dir.file("p.json")));
  EXPECT_EQ(policy.at("patience"), 2);
  EXPECT_EQ(policy.at("threshold"), 0.776);
  const Finished one = run({"sweep", shared_path("golden/pabee_stsb"), "--data", dir.file("s.tsv"),
                            "--limit", "1", "--html", "-", "-q"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.out.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace costeff::cli
