// Pipes, signals, full disks: how the program behaves among others.

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/resource_limit.h"
#include "cli/expected_rows.h"
#include "emulated.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

const char kHeader[] = "id\tlabel\tprob\tentropy\texit_layer";

Command infer(const TinyModel& model, const Strings& more) {
  Command c;
  c.args = {"infer", model.path()};
  c.args.insert(c.args.end(), more.begin(), more.end());
  return c;
}

TEST(Stream, LineIsAnsweredBeforeTheNextIsWritten) {
  const TinyModel model;
  for (const char* threads : {"1", "2"}) {
    Process p(infer(model, {"-", "--threads", threads}));
    for (int i = 1; i <= 4; ++i) {
      p.write("w1 w2 w3\n");
      ASSERT_TRUE(p.wait_for_output(fmt::format("\n{}\tLABEL_", i))) << "line " << i;
    }
    const Finished f = p.finish();
    EXPECT_EQ(f.exit_code, 0);
    EXPECT_EQ(f.err, "");
    EXPECT_EQ(lines_of(f.out).size(), 5u);
  }
}

TEST(Stream, LastLineWithoutNewline) {
  const TinyModel model;
  EXPECT_EQ(lines_of(run(infer(model, {"-"}), "w1\nw2").out).size(), 3u);
}

TEST(Stream, ClosedPipeEndsQuietly) {
  const TinyModel model;
  TempDir dir;
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "w1\n";
  write_file(dir.file("in.txt"), lines);
  for (const char* threads : {"1", "2"}) {
    Process p(infer(model, {dir.file("in.txt"), "--threads", threads}));
    ASSERT_TRUE(p.wait_for_output("\n1\t"));
    p.close_output();
    const Finished f = p.finish();
    EXPECT_EQ(f.exit_code, 141);
    EXPECT_EQ(f.err, "");
  }
  Process help(Command{.args = {"infer", "--help"}});
  help.close_output();
  const Finished f = help.finish();
  EXPECT_TRUE(f.exit_code == 141 || f.exit_code == 0);  // it may have written before
  EXPECT_EQ(f.err, "");
}

TEST(Stream, InterruptWhileWaitingForInput) {
  const TinyModel model;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    for (const char* threads : {"1", "2"}) {
      Process p(infer(model, {"-", "--threads", threads}));
      p.write("w1\nw2\n");
      ASSERT_TRUE(p.wait_for_output("\n2\t"));
      p.send(signal);
      ASSERT_TRUE(p.wait_for_errors("\n"));
      const Finished f = p.finish();
      EXPECT_EQ(f.exit_code, 128 + signal);  // as a shell has it: 130, 143, 129
      EXPECT_EQ(f.err, "costeff: interrupted after 2 rows\n");
      EXPECT_EQ(lines_of(f.out).size(), 3u);
      EXPECT_EQ(f.out.back(), '\n');
    }
  }
}

TEST(Stream, InterruptLeavesNoOutputFile) {
  const TinyModel model;
  TempDir dir;
  Process p(infer(model, {"-", "-o", dir.file("out.tsv")}));
  p.write("w1\nw2\n");
  // The temporary file exists while rows are computed.
  while (dir.names().empty()) ::usleep(1000);
  p.send(SIGINT);
  ASSERT_TRUE(p.wait_for_errors("interrupted after "));
  EXPECT_EQ(p.finish().exit_code, 130);
  EXPECT_EQ(dir.names(), Strings{});
}

// If nobody reads its output, the program is in a write when the signal comes.
TEST(Stream, InterruptLeavesNoHalfLine) {
  const TinyModel model;
  TempDir dir;
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "w1\n";
  write_file(dir.file("in.txt"), lines);
  for (const char* threads : {"1", "2"}) {
    Process p(infer(model, {dir.file("in.txt"), "--threads", threads}));
    p.wait_until_blocked();
    p.send(SIGINT);
    ASSERT_TRUE(p.wait_for_errors("interrupted after "));
    const Finished f = p.finish();
    EXPECT_EQ(f.exit_code, 130);
    ASSERT_FALSE(f.out.empty());
    EXPECT_EQ(f.out.back(), '\n');
    EXPECT_LT(lines_of(f.out).size(), 20001u);
    EXPECT_EQ(lines_of(f.out).back().find(fmt::format("{}\tLABEL_", lines_of(f.out).size() - 1)),
              0u);
  }
}

TEST(Stream, OutputFileAppearsWhole) {
  const TinyModel model;
  TempDir dir;
  Process p(infer(model, {"-", "--output", dir.file("out.tsv")}));
  p.write("w1\n");
  while (dir.names().empty()) ::usleep(1000);
  EXPECT_EQ(dir.names().size(), 1u);
  EXPECT_NE(dir.names()[0], "out.tsv");
  p.write("w2\n");
  const Finished f = p.finish();
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.out, "");
  EXPECT_EQ(dir.names(), Strings{"out.tsv"});
  EXPECT_EQ(lines_of(read_whole_file(dir.file("out.tsv"))).size(), 3u);
}

TEST(Stream, OldOutputFileStaysOnError) {
  const TinyModel model;
  TempDir dir;
  write_file(dir.file("out.jsonl"), "old\n");
  const Strings args = {"-", "-o", dir.file("out.jsonl"), "--input-format", "jsonl"};
  const Finished wrong = run(infer(model, args), "{\"text\": \"w1\"}\n{\"txt\": \"w2\"}\n");
  EXPECT_EQ(wrong.exit_code, 3);
  EXPECT_EQ(lines_of(wrong.err).size(), 1u);
  EXPECT_EQ(dir.names(), Strings{"out.jsonl"});
  EXPECT_EQ(read_whole_file(dir.file("out.jsonl")), "old\n");
  ASSERT_EQ(::chmod(dir.file("out.jsonl").c_str(), 0640), 0);
  EXPECT_EQ(run(infer(model, args), "{\"text\": \"w1\"}\n").exit_code, 0);
  EXPECT_EQ(json_rows(read_whole_file(dir.file("out.jsonl"))).size(), 1u);
  struct stat st {};
  ASSERT_EQ(::stat(dir.file("out.jsonl").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0640u);
}

TEST(Stream, OutputThatCannotBeWritten) {
  const TinyModel model;
  TempDir dir;
  const auto error = [&](const std::string& output) {
    const Finished f = run(infer(model, {"-", "-o", output}), "w1\n");
    EXPECT_EQ(f.exit_code, 5);
    EXPECT_EQ(f.out, "");
    return f.err;
  };
  EXPECT_EQ(error("/dev/full"), "costeff: /dev/full: No space left on device\n");
  EXPECT_EQ(error(dir.path() + "/no/out.tsv"),
            "costeff: " + dir.path() + "/no/out.tsv: No such file or directory\n");
  EXPECT_EQ(error(dir.path()), "costeff: " + dir.path() + ": is a directory, expected a file\n");
  if (::geteuid() != 0) {  // root writes everywhere
    ASSERT_EQ(::chmod(dir.path().c_str(), 0555), 0);
    EXPECT_EQ(error(dir.file("out.tsv")),
              "costeff: " + dir.file("out.tsv") + ": Permission denied\n");
    ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
  }
  for (const Strings& args :
       {Strings{"--help"}, Strings{"--version"}, Strings{"inspect", model.path()}}) {
    const Finished f = run(Command{.args = args, .stdout_path = "/dev/full"});
    EXPECT_EQ(f.exit_code, 5);
    EXPECT_EQ(f.err, "costeff: stdout: No space left on device\n");
  }
}

// Results must not go to a descriptor that a closed stream has left free, nor messages to
// them.
TEST(Stream, ClosedStandardStreams) {
  const TinyModel model;
  TempDir dir;
  write_file(dir.file("in.txt"), "w1 \xFF\n");
  const std::string binary = COSTEFF_BINARY, in = dir.file("in.txt"), out = dir.file("out.tsv");
  const auto exit_code = [](const std::string& command) {
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  const std::string infer = "'" + binary + "' infer '" + model.path() + "' '" + in + "'";
  EXPECT_EQ(exit_code(infer + " >&- 2> '" + dir.file("err") + "'"), 5);
  EXPECT_EQ(read_whole_file(dir.file("err")), "costeff: stdout: Bad file descriptor\n");
  EXPECT_EQ(exit_code(infer + " <&- >&- 2>&- -o '" + out + "'"), 0);
  EXPECT_EQ(lines_of(read_whole_file(out)).size(), 2u);
}

// An error must not wait for the next line of an input that stays open.
TEST(Stream, ErrorEndsARunThatWaitsForInput) {
  const TinyModel model;
  for (const char* threads : {"1", "2", "3"}) {
    Command full = infer(model, {"-", "--threads", threads});
    full.stdout_path = "/dev/full";
    Process p(full);
    p.write("w1\n");
    EXPECT_TRUE(p.wait_for_errors("costeff: stdout: No space left on device\n"));
    EXPECT_EQ(p.finish().exit_code, 5);

    Process q(infer(model, {"-", "--threads", threads, "--input-format", "jsonl"}));
    q.write("{\"text\": \"w1\"}\n{\"input_ids\": [999]}\n");
    EXPECT_TRUE(q.wait_for_errors("costeff: stdin:2: "));
    const Finished f = q.finish();
    EXPECT_EQ(f.exit_code, 3);
    EXPECT_EQ(lines_of(f.out).size(), 2u);
  }
}

TEST(Stream, FileThatMayNotGrow) {
  const TinyModel model;
  TempDir dir;
  std::string lines;
  for (int i = 0; i < 2000; ++i) lines += "w1\n";
  const ResourceLimit limit(RLIMIT_FSIZE, 8192);
  const Finished f = run(infer(model, {"-", "-o", dir.file("out.tsv")}), lines);
  EXPECT_EQ(f.exit_code, 5);
  EXPECT_EQ(f.err, "costeff: " + dir.file("out.tsv") + ": File too large\n");
  EXPECT_EQ(dir.names(), Strings{});
}

// Why a process's memory is not the program's alone, or null.
const char* memory_of_others() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "a sanitizer's memory is its own";
#else
  return kEmulated ? "an emulator's memory is its own" : nullptr;
#endif
}

// Room for the stacks of some threads.
TEST(Stream, ThreadsThatCannotBeStarted) {
  if (const char* why = memory_of_others()) GTEST_SKIP() << why;
  const TinyModel model;
  for (const Strings& how : {Strings{"infer", "-", "--mode", "throughput"},
                             Strings{"infer", "-", "--mode", "latency"}, Strings{"bench"}}) {
    Command c{.args = how};
    c.args.insert(c.args.begin() + 1, model.path());
    for (const char* more : {"--threads", "1000"}) c.args.push_back(more);
    c.timeout_s = 20;
    c.address_space_kb = 1 << 20;
    const Finished f = run(c, "w1\n");
    EXPECT_EQ(f.exit_code, 1) << how[0];
    EXPECT_EQ(f.err.find("costeff: cannot start thread "), 0u) << f.err;
    EXPECT_NE(f.err.find(": Resource temporarily unavailable\n"), f.err.npos) << f.err;
    EXPECT_EQ(lines_of(f.err).size(), 1u);
  }
}

TEST(Stream, MemoryDoesNotGrowWithTheInput) {
  if (const char* why = memory_of_others()) GTEST_SKIP() << why;
  const TinyModel model({.dialect = "plain", .layers = 1, .hidden = 8, .heads = {1}, .ffn = {8}});
  TempDir dir;
  std::string lines;
  for (int i = 0; i < 100000; ++i) lines += "w1 w2 w3 w4\n";
  write_file(dir.file("large.txt"), lines);
  // More rows than can be computed at once.
  write_file(dir.file("small.txt"), lines.substr(0, 12 * 20000));
  const Finished small =
      run(infer(model, {dir.file("small.txt"), "--threads", "2", "-o", "/dev/null"}));
  const Finished large =
      run(infer(model, {dir.file("large.txt"), "--threads", "2", "-o", "/dev/null"}));
  EXPECT_EQ(large.exit_code, 0) << large.err;
  EXPECT_LT(large.peak_rss_kb, small.peak_rss_kb + 4096);
}

TEST(Stream, MemoryIsTheWeightsAndLittleMore) {
  if (const char* why = memory_of_others()) GTEST_SKIP() << why;
  // Layers of BERT-base, 28 MB each.
  const TinyModel model({.dialect = "plain",
                         .layers = 8,
                         .hidden = 768,
                         .head_size = 64,
                         .heads = {12},
                         .ffn = {3072},
                         .zeros = true});
  const auto in_float32 =
      static_cast<int64_t>(std::filesystem::file_size(model.path() + "/model.safetensors")) / 1024;
  for (const auto& [dtype, parts] : {std::pair{"float32", 1}, {"bfloat16", 2}, {"int8", 4}}) {
    for (const char* threads : {"1", "2"}) {
      const Finished f =
          run(infer(model, {"-", "--dtype", dtype, "--threads", threads}), "w1 w2 w3\n");
      EXPECT_EQ(f.exit_code, 0) << f.err;
      EXPECT_LT(f.peak_rss_kb, in_float32 / parts + 65536) << dtype << ", threads: " << threads;
    }
  }
}

}  // namespace
}  // namespace costeff::cli
