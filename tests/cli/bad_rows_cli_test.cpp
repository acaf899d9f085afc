// --bad-rows, --bad-rows-file and --keep: what scripts rely on.

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "cli/eval_data.h"
#include "cli/infer_fixture.h"

namespace costeff::cli {
namespace {

namespace fs = std::filesystem;

struct BadRowsCli : InferFixture {
  const std::string bad = dir.file("bad.jsonl");

  std::string error(const Strings& args, int code) const {
    const Finished f = infer(args);
    EXPECT_EQ(f.exit_code, code) << f.err;
    EXPECT_EQ(f.out, "");
    return f.err;
  }
};

// Rows of a JSONL file, some of which the reader refuses and some of which the model does.
std::string mixed_rows(int64_t rows) {
  std::string out;
  const Strings texts = tiny_texts(rows, 4);
  for (int64_t i = 0; i < rows; ++i) {
    if (i % 7 == 2) {
      out += "{\"text\": 5}\n";
    } else if (i % 7 == 4) {
      out += "{\"input_ids\": [2, 999, 3]}\n";
    } else {
      out += fmt::format("{{\"text\": \"{}\", \"n\": {}.0}}\n", texts[static_cast<size_t>(i)], i);
    }
  }
  return out;
}

TEST_F(BadRowsCli, AreSkippedWhoeverRefusesThem) {
  const std::string in = dir.file("in.jsonl");
  // A row that is too long is refused if its ids are given.
  std::string many = "{\"input_ids\":[2";
  for (int i = 0; i < 3000; ++i) many += ",6";
  write_file(in,
             "{\"text\":\"w1\"}\n{\"text\":\n{\"input_ids\":[2,105,3]}\n{\"text\":\"w2 w3\"}\n" +
                 many + "]}\n");
  const Finished plain = infer({in});
  EXPECT_EQ(plain.exit_code, 3);
  EXPECT_EQ(infer({in, "--bad-rows", "fail"}).err, plain.err);
  for (const char* threads : {"1", "2"}) {
    const Finished f =
        infer({in, "--bad-rows", "skip", "--bad-rows-file", bad, "--threads", threads});
    EXPECT_EQ(f.exit_code, 0) << f.err;
    EXPECT_EQ(column(f.out, 0), (Strings{"1", "4"}));
    EXPECT_EQ(column(f.out, 2), column(infer({"-"}, "w1\nw2 w3\n").out, 2));
    EXPECT_EQ(f.err.rfind("costeff: warning: 3 rows were skipped, the first: " + in + ":2: ", 0),
              0u)
        << f.err;
    EXPECT_EQ(lines_of(f.err).size(), 1u);
    const auto rows = json_rows(read_whole_file(bad));
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_EQ(keys_of(rows[0]), (Strings{"source", "line", "reason", "text"}));
    EXPECT_EQ(rows[0]["source"], in);
    EXPECT_EQ(rows[0]["line"], 2);
    EXPECT_EQ(rows[0]["text"], "{\"text\":");
    EXPECT_EQ(rows[1]["line"], 3);
    EXPECT_EQ(rows[1]["reason"], "input_ids: id 105, expected 0 to 104");
    EXPECT_EQ(rows[1]["text"], "{\"input_ids\":[2,105,3]}");
    EXPECT_EQ(rows[2]["text"], many + "]}");
  }
  EXPECT_EQ(infer({in, "--bad-rows", "skip", "--quiet"}).err, "");
}

// The good rows are answered as in a run over them alone, whatever lies between.
TEST_F(BadRowsCli, ChangeNothingForTheOthers) {
  const std::string in = file("in.jsonl", mixed_rows(600));
  std::string good;
  for (const std::string& line : lines_of(read_whole_file(in))) {
    if (line.find("\"n\"") != std::string::npos) good += line + "\n";
  }
  const std::string expected = infer({file("good.jsonl", good), "-S", "0.8"}).out;
  for (const char* threads : {"1", "3"}) {
    const Finished f =
        infer({in, "-S", "0.8", "--bad-rows", "skip", "--threads", threads, "--stats-json"});
    EXPECT_EQ(f.exit_code, 0);
    for (const size_t at : {1, 2, 3, 4}) EXPECT_EQ(column(f.out, at), column(expected, at));
    const auto stats = Json::parse(lines_of(f.err).back());
    EXPECT_EQ(stats["rows"].get<size_t>() + stats["skipped_rows"].get<size_t>(), 600u);
    EXPECT_EQ(stats["rows"].get<size_t>(), lines_of(good).size());
  }
}

TEST_F(BadRowsCli, FromStandardInputAndOfTables) {
  const Finished f = infer({"-", "--input-format", "csv", "--bad-rows", "skip", "--keep", "n"},
                           "text,n\nw1,a\nw2\n\"w3\"x,b\n\"w4\",c\n");
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(column(f.out, 0), (Strings{"1", "4"}));
  EXPECT_EQ(column(f.out, 5), (Strings{"a", "c"}));
  EXPECT_EQ(f.err,
            "costeff: warning: 2 rows were skipped, the first: stdin:3: 1 column, expected 2\n");
}

TEST_F(BadRowsCli, OnlyBadOnes) {
  const Finished f = infer({"-", "--input-format", "jsonl", "--bad-rows", "skip"}, "x\n");
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.out, "id\tlabel\tprob\tentropy\texit_layer\n");
  EXPECT_EQ(f.err.rfind("costeff: warning: 1 row was skipped: stdin:1: not valid JSON", 0), 0u);
}

TEST_F(BadRowsCli, ShardsAreThoseOfAllRows) {
  const std::string in = file("in.jsonl", mixed_rows(40));
  const auto parts_of = [&](const Strings& more, std::string* bad_rows) {
    Strings args{in, "--bad-rows", "skip", "--bad-rows-file", bad};
    args.insert(args.end(), more.begin(), more.end());
    const Finished f = infer(args);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    *bad_rows += read_whole_file(bad);
    return f.out;
  };
  std::string whole_bad;
  const std::string whole = parts_of({}, &whole_bad);
  for (int64_t parts : {2, 7, 50}) {
    std::string joined, joined_bad;
    for (int64_t k = 1; k <= parts; ++k) {
      joined += parts_of({"--shard", fmt::format("{}/{}", k, parts)}, &joined_bad);
    }
    EXPECT_EQ(joined, whole);
    EXPECT_EQ(joined_bad, whole_bad);
  }
}

// Interrupted and resumed: all rows and all bad rows are there, once.
TEST_F(BadRowsCli, ResumedRunsHaveAllOfThem) {
  const std::string in = file("in.jsonl", mixed_rows(6000)), out = dir.file("out.tsv");
  const Strings args{in, "--bad-rows", "skip", "--bad-rows-file", bad, "-o", out};
  ASSERT_EQ(infer(args).exit_code, 0);
  const std::string whole = read_whole_file(out), whole_bad = read_whole_file(bad);
  fs::remove(out);
  fs::remove(bad);
  Strings resumed{"infer", model.path()};
  resumed.insert(resumed.end(), args.begin(), args.end());
  resumed.insert(resumed.end(), {"--resume", "--threads", "1"});
  int64_t cut = 0;
  for (int round = 0; round < 20 && !fs::exists(out); ++round) {
    Process p({.args = resumed});
    for (int i = 0; i < 4000 && !fs::exists(out); ++i) {
      std::error_code none;
      const auto size = fs::file_size(out + ".partial", none);
      if (!none && size > 1000u * static_cast<unsigned>(round + 1)) break;
      ::usleep(500);
    }
    p.send(round % 2 ? SIGKILL : SIGINT);
    p.finish();
    if (fs::exists(out + ".partial")) {
      ++cut;
      EXPECT_FALSE(fs::exists(bad));
    }
  }
  if (!fs::exists(out)) {
    EXPECT_EQ(run(resumed).exit_code, 0);
  }
  EXPECT_GT(cut, 0);
  EXPECT_EQ(read_whole_file(out), whole);
  EXPECT_EQ(read_whole_file(bad), whole_bad);
}

TEST_F(BadRowsCli, ResumeIsOfTheSameRows) {
  const std::string in = file("in.jsonl", mixed_rows(10)), out = dir.file("out.tsv");
  write_file(out + ".partial", "");
  const Finished begun = infer({in, "-o", out, "--resume"});
  EXPECT_EQ(begun.exit_code, 3);
  const Finished f = infer({in, "-o", out, "--resume", "--bad-rows", "skip"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_NE(f.err.find("was begun with bad-rows fail, this run has skip"), std::string::npos)
      << f.err;
}

TEST_F(BadRowsCli, WrongUse) {
  const std::string in = file("in.jsonl", "{\"text\":\"w1\"}\n");
  EXPECT_EQ(error({in, "--bad-rows", "drop"}, 2),
            "costeff: --bad-rows \"drop\", expected fail or skip\n");
  EXPECT_EQ(error({in, "--bad-rows-file", bad}, 2),
            "costeff: --bad-rows-file needs --bad-rows skip\n");
  const Strings skip{in, "--bad-rows", "skip", "--bad-rows-file"};
  const auto with = [&](const Strings& more) {
    Strings all = skip;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  EXPECT_EQ(error(with({in}), 2),
            "costeff: " + in + ": is an input, expected another file to write\n");
  EXPECT_EQ(error(with({"-"}), 2),
            "costeff: --bad-rows-file -: is where the results go, expected another file\n");
  EXPECT_EQ(
      error(with({bad, "-o", bad}), 2),
      "costeff: --bad-rows-file " + bad + ": is where the results go, expected another file\n");
  EXPECT_EQ(error(with({dir.file("no/bad")}), 5).rfind("costeff: ", 0), 0u);
  EXPECT_FALSE(fs::exists(bad));
  // With the rows in a file, standard output is free.
  const Finished f = infer(with({"-", "-o", dir.file("out.tsv")}));
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.out, "");
}

// A run that fails leaves nothing.
TEST_F(BadRowsCli, FileAppearsWithTheOutput) {
  const std::string in = file("in.csv", "text,n\nw1\nw2,\"\n");
  const std::string out = dir.file("out.tsv");
  EXPECT_EQ(
      error({in, "--bad-rows", "skip", "--bad-rows-file", bad, "-o", out}, 3),
      "costeff: " + in + ":3: a quote opens a field here and the file ends before it is closed\n");
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    (void)entry;
    ++files;
  }
  EXPECT_EQ(files, 1u);
}

TEST_F(BadRowsCli, QuestionsToo) {
  const TinyModel qa{TinyShape{.dialect = "qa"}};
  const std::string in = file("in.jsonl",
                              "{\"question\":\"w1\",\"context\":\"w2\",\"k\":[1, 2]}\n"
                              "{\"question\":\"w1\"}\n"
                              "{\"question\":\"" +
                                  std::string(400, 'w') + "w1 w1 w1 w1 w1 w1 w1 w1 w1 w1 w1 w1\"," +
                                  "\"context\":\"w2\"}\n"
                                  "{\"question\":\"w1\",\"context\":\"w3\",\"k\":null}\n");
  const Finished f =
      run({"infer", qa.path(), in, "--task", "qa", "--max-length", "12", "--bad-rows", "skip",
           "--bad-rows-file", bad, "--keep", "k=kept", "--format", "jsonl", "--stats-json"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  const auto rows = json_rows(f.out);
  ASSERT_EQ(rows.size(), 2u) << f.err;
  EXPECT_EQ(rows[0]["kept"].dump(), "[1,2]");
  EXPECT_TRUE(rows[1]["kept"].is_null());
  EXPECT_EQ(rows[1]["id"], 4);
  EXPECT_EQ(rows[1]["answer"], "w3");
  const auto skipped = json_rows(read_whole_file(bad));
  ASSERT_EQ(skipped.size(), 2u);
  EXPECT_EQ(skipped[0]["line"], 2);
  EXPECT_EQ(skipped[1]["line"], 3);
  EXPECT_NE(skipped[1]["reason"].get<std::string>().find("no room"), std::string::npos);
  EXPECT_EQ(lines_of(f.err)[0].rfind("costeff: warning: 2 questions were skipped, the first: ", 0),
            0u);
  EXPECT_EQ(Json::parse(lines_of(f.err).back())["skipped_rows"], 2);
}

using EvalBadRows = EvalCli;

TEST_F(EvalBadRows, AreLeftOutOfWhatIsJudged) {
  const std::string clean = dir.file("clean.tsv"), bad = dir.file("bad.jsonl");
  const Strings lines = lines_of(read_whole_file(data));
  write_file(clean, joined(lines));
  Strings with_bad = lines;
  with_bad.insert(with_bad.begin() + 5, "no label");
  with_bad.insert(with_bad.begin() + 9, "unknown label\tmaybe");
  write_file(data, joined(with_bad));
  EXPECT_EQ(run({"eval", model.path(), data}).exit_code, 3);
  const Json expected = eval_json({model.path(), clean})["evaluations"][0];
  const Json j = eval_json({model.path(), data, "--bad-rows", "skip", "--bad-rows-file", bad});
  const Json& got = j["evaluations"][0];
  EXPECT_EQ(got["rows"], expected["rows"]);
  EXPECT_EQ(got["skipped_rows"], 2);
  EXPECT_FALSE(expected.contains("skipped_rows"));
  EXPECT_EQ(got["policies"][0]["metrics"], expected["policies"][0]["metrics"]);
  const auto rows = json_rows(read_whole_file(bad));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["text"], "no label");
  EXPECT_EQ(rows[1]["text"], "unknown label\tmaybe");
  for (const char* verb : {"sweep", "tune"}) {
    Strings args{verb, model.path(), "--data", data, "--bad-rows", "skip"};
    if (verb == std::string("tune")) args.insert(args.end(), {"--max-drop", "0.5", "--dry-run"});
    const Finished f = run(args);
    EXPECT_NE(f.err.find("costeff: warning: 2 rows were skipped, the first: " + data + ":6: "),
              std::string::npos)
        << f.err;
    EXPECT_NE(f.exit_code, 3);
  }
  const Finished submit = run({"eval", model.path(), data, "--task", "rte", "--bad-rows", "skip",
                               "--submit", dir.file("out")});
  EXPECT_EQ(submit.exit_code, 2);
}

}  // namespace
}  // namespace costeff::cli
