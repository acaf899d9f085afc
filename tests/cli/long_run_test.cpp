// --shard and --resume: joined parts, and runs killed and resumed, give the file of one run.

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

struct LongRun : testing::Test {
  TinyModel model;
  TempDir dir;
  std::string in = dir.file("in.jsonl"), out = dir.file("out.tsv");
  std::string partial = out + ".partial", state = out + ".partial.json";

  // Ids with characters that CSV quotes; empty lines are no rows.
  void write_rows(int64_t rows) {
    const Strings texts = tiny_texts(rows, 3);
    std::string bytes;
    for (size_t i = 0; i < texts.size(); ++i) {
      bytes += fmt::format("{{\"id\":\"r{}{}\",\"text\":\"w0 {}\"}}\n", i,
                           i % 3 ? "" : ",\\n\\\"q\\\"", texts[i]);
      if (i % 5 == 0) bytes += "\n";
    }
    write_file(in, bytes);
  }
  Strings infer(const Strings& more) const {
    Strings args{"infer", model.path(), in, "-S", "0.8"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  bool is_there(const std::string& path) const { return std::filesystem::exists(path); }
  // Waits until this many bytes of rows are kept, or the run has ended.
  void wait_for_rows(uintmax_t bytes) const {
    for (int i = 0; i < 60000 && !is_there(out); ++i) {
      std::error_code error;
      const auto size = std::filesystem::file_size(partial, error);
      if (!error && size >= bytes) return;
      ::usleep(500);
    }
  }
};

TEST_F(LongRun, ShardsJoinedAreTheWhole) {
  write_rows(23);
  for (const char* format : {"tsv", "csv", "jsonl"}) {
    const std::string whole = run(infer({"--format", format})).out;
    for (int64_t parts : {1, 2, 5, 23, 40}) {
      std::string joined;
      for (int64_t k = 1; k <= parts; ++k) {
        const Finished f =
            run(infer({"--format", format, "--shard", fmt::format("{}/{}", k, parts)}));
        ASSERT_EQ(f.exit_code, 0) << f.err;
        joined += f.out;
      }
      EXPECT_EQ(joined, whole) << format << " in " << parts;
    }
  }
}

TEST_F(LongRun, ShardsSpanFiles) {
  write_file(dir.file("a.tsv"), "text\nw1\nw2\nw3\n");
  write_file(dir.file("b.csv"), "text\n\"w4\nw5\"\nw6\n");
  const auto args = [&](const Strings& more) {
    Strings all{"infer", model.path(), dir.file("a.tsv"), dir.file("b.csv"), "--format", "tsv"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::string whole = run(args({})).out;
  EXPECT_EQ(run(args({"--shard", "1/2"})).out + run(args({"--shard", "2/2"})).out, whole);
}

TEST_F(LongRun, ShardsThatCannotBe) {
  write_rows(3);
  const auto error = [&](const Strings& args, const std::string& input = "") {
    const Finished f = run(args, input);
    EXPECT_EQ(f.exit_code, 2);
    return f.err;
  };
  for (const char* bad : {"0/2", "3/2", "1", "1/", "/2", "1/0", "a/b", "1/2/3", "-1/2"}) {
    EXPECT_EQ(error(infer({"--shard", bad})), "costeff: --shard \"" + std::string(bad) +
                                                  "\", expected K/N with K from 1 to N: 2/8\n");
  }
  EXPECT_EQ(error({"infer", model.path(), "-", "--shard", "1/2"}, "w1\n"),
            "costeff: --shard needs files that can be read again, not stdin\n");
  EXPECT_EQ(error({"infer", model.path(), "-", "--resume", "-o", out}, "w1\n"),
            "costeff: --resume needs files that can be read again, not stdin\n");
  EXPECT_EQ(error(infer({"--resume"})),
            "costeff: --resume needs --output FILE, to keep rows beside it\n");
}

TEST_F(LongRun, ResumeWithoutInterruptionIsAsWithoutIt) {
  write_rows(40);
  ASSERT_EQ(run(infer({"-o", out})).exit_code, 0);
  const std::string whole = read_whole_file(out);
  std::filesystem::remove(out);
  const Finished f = run(infer({"-o", out, "--resume"}));
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  EXPECT_EQ(read_whole_file(out), whole);
  EXPECT_FALSE(is_there(partial));
  EXPECT_FALSE(is_there(state));
}

// Killed without warning again and again, until a run finishes.
TEST_F(LongRun, KilledRunsGoOn) {
  write_rows(6000);
  for (const char* format : {"tsv", "csv", "jsonl"}) {
    const Strings flags{"-o", out,         "--resume", "--format", format, "--batch-tokens",
                        "64", "--threads", "2"};
    const std::string whole = run(infer({"--format", format})).out;
    int64_t kills = 0;
    std::string kept;
    for (; kills < 500; ++kills) {
      Process p(Command{.args = infer(flags)});
      // As soon as it has written more than was there.
      wait_for_rows(kept.size() + 30000);
      p.send(SIGKILL);
      p.finish();
      if (is_there(out)) break;
      // A line cut by the kill, as if a buffer was full: it is written again.
      kept = read_whole_file(partial);
      write_file(partial, kept + "r1\tLAB");
    }
    EXPECT_GE(kills, 3) << format;
    EXPECT_EQ(read_whole_file(out), whole) << format;
    EXPECT_FALSE(is_there(partial));
    std::filesystem::remove(out);
  }
}

TEST_F(LongRun, InterruptSaysHowToGoOn) {
  write_rows(20000);
  const Strings flags{"-o", out, "--resume", "--batch-tokens", "64"};
  Process p(Command{.args = infer(flags)});
  wait_for_rows(2000);
  p.send(SIGINT);
  const Finished f = p.finish();
  ASSERT_EQ(f.exit_code, 130) << f.err;
  ASSERT_EQ(lines_of(f.err).size(), 2u) << f.err;
  EXPECT_NE(f.err.find(" rows kept in " + partial + "; the same command goes on from there\n"),
            std::string::npos)
      << f.err;
  EXPECT_FALSE(is_there(out));
  const auto rows = lines_of(read_whole_file(partial)).size();
  const auto note = nlohmann::json::parse(read_whole_file(state));
  EXPECT_EQ(note["bytes"], std::filesystem::file_size(partial));
  const Finished rest = run(infer(flags));
  EXPECT_EQ(rest.exit_code, 0);
  EXPECT_EQ(rest.err,
            fmt::format("costeff: going on after {} rows\n", note["rows"].get<int64_t>()));
  EXPECT_GT(rows, 1u);
  EXPECT_EQ(read_whole_file(out), run(infer({"--format", "tsv"})).out);
}

TEST_F(LongRun, InterruptWithoutResumeLeavesNothing) {
  write_rows(20000);
  Process p(Command{.args = infer({"-o", out, "--batch-tokens", "64"})});
  // The temporary file is there once signals are minded.
  while (dir.names().size() < 2 && !is_there(out)) ::usleep(500);
  p.send(SIGINT);
  const Finished f = p.finish();
  if (f.exit_code == 0) GTEST_SKIP() << "it had ended before";
  EXPECT_EQ(f.exit_code, 130);
  EXPECT_NE(f.err.find(out + " was not written; with --resume finished rows are kept, to go on"),
            std::string::npos)
      << f.err;
  EXPECT_FALSE(is_there(out));
  EXPECT_FALSE(is_there(partial));
}

TEST_F(LongRun, ResumeRefusesAnotherRun) {
  write_rows(50);
  // An unfinished run: the first rows of a whole one, with the state of an interrupted one.
  const auto begin = [&] {
    write_rows(20000);
    Process p(Command{.args = infer({"-o", out, "--resume", "--batch-tokens", "64"})});
    wait_for_rows(2000);
    p.send(SIGINT);
    p.finish();
  };
  const auto refusal = [&](const Strings& args) {
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, 2) << f.err;
    EXPECT_TRUE(is_there(partial));
    return f.err;
  };
  begin();
  const std::string anew = "; remove " + partial + " and " + state + " to start anew\n";
  EXPECT_EQ(refusal({"infer", model.path(), in, "-S", "0.5", "-o", out, "--resume"}),
            "costeff: " + partial + ": was begun with threshold 0.8, this run has 0.5" + anew);
  EXPECT_EQ(refusal(infer({"-o", out, "--resume", "--format", "jsonl"})),
            "costeff: " + partial + ": was begun with format tsv, this run has jsonl" + anew);
  EXPECT_EQ(refusal(infer({"-o", out, "--resume", "--shard", "1/2"})),
            "costeff: " + partial + ": was begun with shard 1/1, this run has 1/2" + anew);
  const TinyModel other({.seed = 2});
  EXPECT_NE(refusal({"infer", other.path(), in, "-S", "0.8", "-o", out, "--resume"})
                .find("was begun with model "),
            std::string::npos);
  write_file(in, read_whole_file(in) + "{\"text\":\"w1\"}\n");
  EXPECT_NE(refusal(infer({"-o", out, "--resume"})).find("was begun with file 1 "),
            std::string::npos);
  std::filesystem::remove(state);
  EXPECT_NE(refusal(infer({"-o", out, "--resume"})).find("is there without"), std::string::npos);
  write_file(state, "{}");
  EXPECT_NE(refusal(infer({"-o", out, "--resume"})).find("is not the note of an unfinished run"),
            std::string::npos);
}

TEST_F(LongRun, TwoRunsDoNotShareAFile) {
  write_rows(20000);
  Process p(Command{.args = infer({"-o", out, "--resume", "--batch-tokens", "64"})});
  wait_for_rows(1);
  const Finished f = run(infer({"-o", out, "--resume"}));
  EXPECT_EQ(f.exit_code, 5);
  EXPECT_EQ(f.err, "costeff: " + partial + ": another run is writing it\n");
  p.send(SIGKILL);
  p.finish();
}

TEST_F(LongRun, QuestionsTooCanBePartedAndTakenUp) {
  const TinyModel qa({.dialect = "qa"});
  std::string rows = "question\tcontext\n";
  const Strings texts = tiny_texts(400, 9);
  for (const std::string& text : texts) rows += "w1 w2\tw3 " + text + "\n";
  write_file(dir.file("q.tsv"), rows);
  const auto args = [&](const Strings& more) {
    Strings all{"infer", qa.path(), dir.file("q.tsv"), "--task", "qa", "--format", "tsv"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::string whole = run(args({})).out;
  ASSERT_EQ(lines_of(whole).size(), 401u);
  std::string joined;
  for (const char* part : {"1/3", "2/3", "3/3"}) joined += run(args({"--shard", part})).out;
  EXPECT_EQ(joined, whole);
  Process p(Command{.args = args({"-o", out, "--resume", "--batch-tokens", "64", "-t", "1"})});
  wait_for_rows(200);
  p.send(SIGKILL);
  p.finish();
  EXPECT_EQ(run(args({"-o", out, "--resume"})).exit_code, 0);
  EXPECT_EQ(read_whole_file(out), whole);
  EXPECT_EQ(run(args({"--format", "squad", "--shard", "1/2"})).exit_code, 2);
}

}  // namespace
}  // namespace costeff::cli
