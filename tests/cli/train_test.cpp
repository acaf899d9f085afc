// costeff train: flags and data that are refused, what is said about labels, and small runs.

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "cli/eval_data.h"

namespace costeff::cli {
namespace {

struct TrainCli : EvalCli {
  std::string out = dir.file("out");

  Finished train(const Strings& more, const std::string& input = "") {
    Strings args{"train", model.path()};
    args.insert(args.end(), more.begin(), more.end());
    return run(Command{.args = args}, input);
  }
  // A run with few steps that writes `out`.
  Finished small_run(const Strings& more) {
    Strings args{"--data", data, "-o", out, "--epochs", "1", "--batch", "8", "--eval-every", "4"};
    args.insert(args.end(), more.begin(), more.end());
    return train(args);
  }
  std::vector<Json> log(const std::string& path) {
    std::vector<Json> events;
    for (const std::string& line : lines_of(read_whole_file(path)))
      events.push_back(Json::parse(line));
    return events;
  }
};

TEST_F(TrainCli, RefusesFlags) {
  const struct {
    Strings flags;
    const char* says;
  } cases[] = {
      {{"-o", out}, "no data: --data FILE or DIR"},
      {{"--data", data}, "no output: -o OUT"},
      {{"--data", data, "-o", out, "--recipe", "magic"}, "\"magic\""},
      {{"--data", data, "-o", out, "--recipe", "assistant"}, "needs --teacher DIR"},
      {{"--data", data, "-o", out, "--teacher", "t"}, "--teacher: recipe plain learns from no"},
      {{"--data", data, "-o", out, "--exits", "1,2"}, "--exits: recipe plain makes no off-ramps"},
      {{"--data", data, "-o", out, "--recipe", "ramps", "--exits", "3,1"}, "ascending order"},
      {{"--data", data, "-o", out, "--recipe", "ramps", "--exits", "1,1"}, "ascending order"},
      {{"--data", data, "-o", out, "--recipe", "ramps", "--exits", "1,x"}, "--exits \"1,x\""},
      {{"--data", data, "-o", out, "--recipe", "ramps", "--exits", "1,9"}, "layers from 1 to 4"},
      {{"--data", data, "-o", out, "--recipe", "ramps", "--pooling", "max"},
       "--pooling \"max\" is not known, expected one of auto, first, mean"},
      {{"--data", data, "-o", out, "--freeze", "embedding"}, "--freeze \"embedding\""},
      {{"--data", data, "-o", out, "--freeze", "3-1"}, "embeddings,1-3,6"},
      {{"--data", data, "-o", out, "--freeze", "1-2-3"}, "embeddings,1-3,6"},
      {{"--data", data, "-o", out, "--freeze", "2-7"}, "--freeze 5, expected layers from 1 to 4"},
      {{"--data", data, "-o", out, "--lr", "fast"}, "--lr: \"fast\", expected a number"},
      {{"--data", data, "-o", out, "--lr", "0"}, "--lr: \"0\""},
      {{"--data", data, "-o", out, "--lr", "nan"}, "--lr: \"nan\""},
      {{"--data", data, "-o", out, "--epochs", "0"}, "--epochs: \"0\""},
      {{"--data", data, "-o", out, "--batch", "0"}, "--batch: \"0\", expected a whole number"},
      {{"--data", data, "-o", out, "--dropout", "1"}, "--dropout: \"1\""},
      {{"--data", data, "-o", out, "--class-weights", "1,-1"}, "--class-weights \"1,-1\""},
      {{"--data", data, "-o", out, "--class-weights", "even"}, "expected balanced, or a number"},
      {{"--data", data, "-o", out, "--class-weights", "1,2"}, "expected 3, one for each class"},
      {{"--data", data, "-o", out, "--time-limit",
        "30"
        " m"},
       "--time-limit \"30 m\", expected a"},
      {{"--data", data, "-o", out, "--time-limit", "0s"}, "90s, 30m or 2h"},
      {{"--data", data, "-o", out, "--memory-budget", "lots"}, "512M or 2G"},
      {{"--data", data, "-o", out, "--dtype", "int8"}, "--dtype int8, expected float32 or bf"},
      {{"--data", data, "-o", out, "--best-by", "first"}, "expected one of last, mean"},
      {{"--data", data, "-o", out, "--metric", "mcc"}, "metric \"mcc\" is not known"},
      {{"--data", data, "-o", out, "--metric", "pearson"}, "the answers are one label a row"},
      {{"--data", data, "-o", out, "--metric", "f1"},
       "--metric f1 is of two classes, and there are 3; expected macro_f1"},
      {{"--data", data, "-o", out, "--max-length", "65"},
       "--max-length 65, expected 3 to 64, the positions of this model"},
      {{"--data", data, "-o", out, "--max-length", "2"}, "--max-length: \"2\", expected a whole"},
      {{"--data", data, "-o", out, "--labels", "a,b", "--regression"}, "exclude each other"},
      {{"--data", data, "-o", out, "--dev", data, "--dev-share", "0.1"}, "exclude each other"},
      {{"--data", data, "-o", out, "--dev-share", "1"}, "--dev-share: \"1\""},
      {{"--data", data, "-o", out, "--labels", "a,a"}, "names a twice"},
      {{"--data", data, "-o", out, "--regression", "--class-weights", "1,2"},
       "scores (regression)"},
      {{"--data", "-", "--dev", "-", "-o", out}, "standard input is named twice"},
      {{"--data", data, "-o", out, "--log", "-"}, "--log -: standard output has the table"},
      {{"--data", data, "-o", out, "--report", data}, "is an input"},
      {{"--data", data, "-o", out, "--log", "x", "--report", "./x"}, "two outputs"},
      {{"--data", data, "--dry-run", "--resume"}, "--resume says nothing with --dry-run"},
      {{"--data", data, "-o", out, "--batc", "8"}, "did you mean --batch?"},
      {{"--data", data, "-o", out, "--task", "squad"}, "SQuAD"},
  };
  for (const auto& c : cases) {
    const Finished f = train(c.flags);
    SCOPED_TRACE(joined(c.flags));
    EXPECT_EQ(f.exit_code, 2) << f.err;
    EXPECT_EQ(f.out, "");
    // The error is the last line; what is said about labels and rows may come before it.
    EXPECT_NE(lines_of(f.err).back().find(c.says), std::string::npos) << f.err;
    EXPECT_FALSE(std::filesystem::exists(out));
  }
}

TEST_F(TrainCli, RefusesData) {
  const auto file = [&](const char* name, const std::string& text) {
    write_file(dir.file(name), text);
    return dir.file(name);
  };
  const std::string one = file("one.tsv", "text\tlabel\nw1\tx\nw2\tx\n"),
                    empty = file("empty.tsv", "text\tlabel\n"),
                    bare = file("bare.tsv", "text\nw1\n"),
                    bad = file("bad.tsv", "text\tlabel\nw1\t0\nw2\nw3\t1\n"),
                    no_label = file("nolabel.tsv", "text\tlabel\nw1\t0\nw2\t\nw3\t1\n"),
                    foreign = file("foreign.tsv", "text\tlabel\nw1\t0\nw2\t7\n"),
                    moods = file("moods.csv", "text,label\nw1,neg\nw2,pos\n"),
                    comma = file("comma.csv", "text,label\nw1,z\nw2,\"x,y\"\n"),
                    level = file("level.tsv", "text\tlabel\nw1\t2.5\nw2\thigh\n");
  const struct {
    Strings flags;
    int code;
    const char* says;
  } cases[] = {
      {{"--data", one, "-o", out}, 3, "one.tsv: every row has the label \"x\""},
      {{"--data", empty, "-o", out}, 3, "empty.tsv: has no rows"},
      {{"--data", bare, "-o", out}, 3, "bare.tsv:1: "},
      {{"--data", bad, "-o", out}, 3, "bad.tsv:3: 1 column, expected 2"},
      {{"--data", no_label, "-o", out}, 3, "nolabel.tsv:3: the label is empty"},
      {{"--data", data, "--dev", foreign, "-o", out},
       3,
       "foreign.tsv:3: label \"7\" is not known, expected 0, 1, 2 (the labels of the training"},
      {{"--data", moods, "--labels", "a,neg", "-o", out},
       3,
       "moods.csv:3: label \"pos\" is not known, expected a, neg (--labels)"},
      {{"--data", comma, "--labels", "x,y,z", "-o", out},
       3,
       "comma.csv:3: label \"x,y\" is not known, expected x, y, z (--labels)"},
      {{"--data", level, "--regression", "-o", out}, 3, "level.tsv:3: the score is \"high\""},
      {{"--data", level, "--regression", "--bad-rows", "skip", "--dev-share", "0", "-o", out},
       3,
       "level.tsv: the rows to train on have one score, expected at least two"},
      {{"--data", moods, "--labels", "a,neg", "--bad-rows", "skip", "--dev-share", "0", "-o", out},
       3,
       "moods.csv: the rows to train on have one label, expected at least two"},
      {{"--data", data, "--dev", empty, "-o", out}, 3, "empty.tsv: has no rows"},
      {{"--data", dir.file("none.tsv"), "-o", out}, 3, "none.tsv: No such file"},
      {{"--data", dir.path(), "-o", out}, 3, "has no train.tsv"},
      {{"--data", data, "-o", model.path()}, 5, "is not empty, expected a new name"},
      {{"--data", data, "-o", dir.file("no/such/dir")}, 5, "no/such"},
      {{"--data", data, "-o", out, "--log", dir.file("no/log")}, 5, "no/log"},
      {{"--data", data, "-o", out, "--report", dir.path()}, 5, "is a directory"},
  };
  for (const auto& c : cases) {
    const Finished f = train(c.flags);
    SCOPED_TRACE(joined(c.flags));
    EXPECT_EQ(f.exit_code, c.code) << f.err;
    EXPECT_NE(f.err.find(c.says), std::string::npos) << f.err;
    EXPECT_EQ(f.out, "");
    EXPECT_FALSE(std::filesystem::exists(out));
  }
  const Finished no_model = run({"train", dir.file("nomodel"), "--data", data, "-o", out});
  EXPECT_EQ(no_model.exit_code, 4) << no_model.err;
}

TEST_F(TrainCli, SkipsBadRows) {
  write_file(dir.file("bad.tsv"), "text\tlabel\nw1\t0\nw2\nw3\t1\nw4\t\nw5\t1\nw6\t0\n");
  const Finished f =
      train({"--data", dir.file("bad.tsv"), "--dev-share", "0", "--dry-run", "--bad-rows", "skip",
             "--bad-rows-file", dir.file("skipped.jsonl"), "--json"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(Json::parse(f.out)["rows"], 4);
  EXPECT_NE(f.err.find("2 rows were skipped, the first: "), std::string::npos) << f.err;
  const auto skipped = log(dir.file("skipped.jsonl"));
  ASSERT_EQ(skipped.size(), 2u);
  EXPECT_EQ(skipped[0]["line"], 3);
  EXPECT_EQ(skipped[1]["reason"], "the label is empty");
}

TEST_F(TrainCli, SaysWhatItFound) {
  write_file(dir.file("few.tsv"), "text\tlabel\nw1\tgood\nw2\tbad\n\t\tgood\n");
  const Strings texts_of_dev{"w1", "w9", "w2"};
  write_file(dir.file("dev.tsv"), labelled_rows("text\tlabel\n", texts_of_dev, {"good", "bad"}));
  write_file(dir.file("few.tsv"), "text\tlabel\nw1\tgood\nw2\tbad\n \tgood\n");
  const Finished f =
      train({"--data", dir.file("few.tsv"), "--dev", dir.file("dev.tsv"), "--dry-run"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  for (const char* line : {"few.tsv: no known task; labels: 0 bad, 1 good (those of the file",
                           "warning: 1 row has no text",
                           "warning: 2 of the 3 rows to judge by are also among those to train on",
                           "recipe plain: 3 rows to train on, 3 to judge by; score: accuracy"})
    EXPECT_NE(f.err.find(line), std::string::npos) << line << "\n" << f.err;
  const Finished quiet =
      train({"--data", dir.file("few.tsv"), "--dev", dir.file("dev.tsv"), "--dry-run", "-q"});
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(quiet.out, f.out);
}

TEST_F(TrainCli, DirectoryOfATask) {
  const std::string task = dir.file("RTE");
  std::filesystem::create_directory(task);
  const char* header = "index\tsentence1\tsentence2\tlabel\n";
  write_file(task + "/train.tsv",
             std::string(header) + "0\tw1\tw2\tentailment\n1\tw3\tw4\tnot_entailment\n");
  write_file(task + "/dev.tsv", std::string(header) + "0\tw5\tw6\tnot_entailment\n");
  const Finished f = train({"--data", task, "--dry-run", "--json"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json j = Json::parse(f.out);
  EXPECT_EQ(j["labels"], (Json{"entailment", "not_entailment"}));
  EXPECT_EQ(j["task"], "rte");
  EXPECT_EQ(j["data"], (Json{task + "/train.tsv"}));
  EXPECT_EQ(j["dev"], (Json{task + "/dev.tsv"}));
  EXPECT_EQ(j["dev_rows"], 1);
  // Labels of two tasks are not thrown together.
  write_file(dir.file("sst-2.tsv"), "sentence\tlabel\nw1\t0\nw2\t1\n");
  const Finished two = train({"--data", task, "--data", dir.file("sst-2.tsv"), "--dry-run"});
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_NE(two.err.find("is of task rte and "), std::string::npos) << two.err;
  // Without a dev set, rows of the train set are kept apart.
  std::filesystem::remove(task + "/dev.tsv");
  write_file(
      task + "/train.tsv", header + [] {
        std::string rows;
        for (int i = 0; i < 60; ++i)
          rows += fmt::format("{}\tw{} w{}\tw2\t{}entailment\n", i, i, i + 1, i % 2 ? "not_" : "");
        return rows;
      }());
  const Finished split = train({"--data", task, "--dry-run", "--json"});
  ASSERT_EQ(split.exit_code, 0) << split.err;
  EXPECT_GT(Json::parse(split.out)["dev_rows"], 0);
  EXPECT_EQ(
      Json::parse(split.out)["dev_rows"].get<int>() + Json::parse(split.out)["rows"].get<int>(),
      60);
}

TEST_F(TrainCli, StandardInputAndDryRun) {
  const Finished f = train({"--data", "-", "--dry-run", "--epochs", "2"}, read_whole_file(data));
  ASSERT_EQ(f.exit_code, 0) << f.err;
  for (const char* part : {"recipe      plain", "labels", "stage", "memory", "at the peak", "time"})
    EXPECT_NE(f.out.find(part), std::string::npos) << part;
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(TrainCli, RunWritesModelTableLogAndReport) {
  const Finished f = small_run({"--dev-share", "0.25", "--log", dir.file("log.jsonl"), "--report",
                                dir.file("report.html"), "--threads", "1"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Strings lines = lines_of(f.out);
  ASSERT_GE(lines.size(), 2u);
  EXPECT_EQ(lines[0].rfind("stage           step  epoch     loss", 0), 0u) << lines[0];
  for (const std::string& line : lines) EXPECT_LE(line.size(), 80u) << line;
  EXPECT_NE(f.err.find("wrote " + out), std::string::npos) << f.err;
  EXPECT_NE(f.err.find("next: costeff infer " + out), std::string::npos) << f.err;

  const auto events = log(dir.file("log.jsonl"));
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events.front()["event"], "plan");
  EXPECT_EQ(events.back()["event"], "end");
  EXPECT_EQ(events.back()["end"], "finished");
  int64_t steps = 0;
  size_t evaluations = 0;
  for (const Json& event : events) {
    if (event["event"] == "evaluation") ++evaluations;
    if (event["event"] != "step") continue;
    ++steps;
    EXPECT_TRUE(event["loss"].is_number());
  }
  EXPECT_EQ(steps, events.front()["stages"][0]["steps"]);
  EXPECT_EQ(evaluations, lines.size() - 1);
  EXPECT_NE(read_whole_file(dir.file("report.html")).find("</html>"), std::string::npos);
  EXPECT_EQ(run({"infer", out, "-", "-q"}, "w1 w2\n").exit_code, 0);
}

TEST_F(TrainCli, JsonInsteadOfTheTable) {
  const Finished f = small_run({"--json", "--quiet"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.err, "");
  const Json j = Json::parse(f.out);
  EXPECT_EQ(j["out"], out);
  EXPECT_EQ(j["labels"], (Json{"0", "1", "2"}));
  EXPECT_EQ(j["result"]["end"], "finished");
  EXPECT_GE(j["evaluations"].size(), 1u);
}

// An interrupted run names the command that goes on, quoted for a shell, and that command does.
TEST_F(TrainCli, InterruptAndResume) {
  out = dir.file("my model");
  Process p({.args = {"train", model.path(), "--data", data, "-o", out, "--epochs", "100000",
                      "--batch", "4", "--eval-every", "1", "--log", dir.file("log.jsonl")}});
  ASSERT_TRUE(p.wait_for_output("\n"));
  p.send(SIGINT);
  const Finished f = p.finish();
  EXPECT_EQ(f.exit_code, 130) << f.err;
  EXPECT_NE(f.err.find("interrupted; to go on: "), std::string::npos) << f.err;
  EXPECT_NE(f.err.find("train " + model.path() + " --data " + data + " -o '" + out + "'"),
            std::string::npos)
      << f.err;
  EXPECT_NE(f.err.find(" --resume\n"), std::string::npos) << f.err;
  EXPECT_FALSE(std::filesystem::exists(out));
  EXPECT_EQ(log(dir.file("log.jsonl")).back()["end"], "interrupted");
}

}  // namespace
}  // namespace costeff::cli
