// Models and inputs that somebody changes while the program runs.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/files/emergency.h"
#include "base/files/file_bytes.h"
#include "cli/expected_rows.h"
#include "cli/run/bus_error.h"
#include "emulated.h"
#include "file_changes.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

constexpr char kReplace[] =
    ", expected a file that stays as it is; start again, and replace such a file by renaming a new "
    "one over it";

Strings names_in_directory(const TempDir& dir) {
  Strings names;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    names.push_back(entry.path().filename().string());
  return names;
}

struct LiveModel : testing::Test {
  TinyModel model;
  TempDir dir;
  std::string weights = model.dir.file("model.safetensors"), out = dir.file("out.tsv");

  // A run that has answered one row, by the first exit, and waits for the next.
  Command waiting(const Strings& more) const {
    Command c;
    c.args = {"infer", model.path(), "-", "--policy", "entropy", "-S", "9"};
    c.args.insert(c.args.end(), more.begin(), more.end());
    return c;
  }
};

TEST_F(LiveModel, RowsAfterTheChangeAreNotWritten) {
  struct Case {
    const char* name;
    void (*make)(const std::string& weights);
    std::string found;  // empty: harmless
  };
  const Case kCases[] = {
      {"overwritten", [](const std::string& p) { overwrite(p, "XXXX", 4000); },
       "was written to after it was opened"},
      {"cut", [](const std::string& p) { cut(p, 4096); }, "has 4096 bytes, and had "},
      {"time set back", [](const std::string& p) { overwrite_and_set_time_back(p, "XXXX"); },
       "was changed after it was opened (its ctime, at least)"},
      {"renamed over", [](const std::string& p) { rename_over(p, "another"); }, ""},
  };
  const std::string bytes = read_whole_file(weights);
  for (const Case& c : kCases) {
    for (const char* threads : {"1", "2"}) {
      write_file(weights, bytes);
      Process p(waiting({"--threads", threads}));
      p.write("w1 w2\n");
      ASSERT_TRUE(p.wait_for_output("\n1\tLABEL_"));
      c.make(weights);
      p.write("w3 w4\nw5\n");
      const Finished f = p.finish();
      if (c.found.empty()) {
        EXPECT_EQ(f.exit_code, 0) << c.name << f.err;
        EXPECT_EQ(lines_of(f.out).size(), 4u) << c.name;
        continue;
      }
      EXPECT_EQ(f.exit_code, 4) << c.name;
      EXPECT_EQ(lines_of(f.out).size(), 2u) << c.name;
      ASSERT_EQ(lines_of(f.err).size(), 1u) << f.err;
      EXPECT_TRUE(f.err.starts_with("costeff: " + weights + ": " + c.found)) << f.err;
      EXPECT_TRUE(f.err.ends_with(std::string(kReplace) + " (1 row was written before)\n"))
          << f.err;
    }
  }
}

TEST_F(LiveModel, NoFileIsPublished) {
  const std::string bytes = read_whole_file(weights);
  for (const bool old : {false, true}) {
    write_file(weights, bytes);
    if (old) write_file(out, "old");
    Process p(waiting({"-o", out, "--threads", "1"}));
    p.write("w1 w2\n");
    // It has read the weights when it creates the file for its rows.
    for (int i = 0; i < 60000 && names_in_directory(dir).size() <= (old ? 1u : 0u); ++i)
      ::usleep(500);
    overwrite(weights, "XXXX", 4000);
    p.write("w3\n");
    const Finished f = p.finish();
    EXPECT_EQ(f.exit_code, 4);
    EXPECT_EQ(f.err,
              "costeff: " + weights + ": was written to after it was opened" + kReplace + "\n");
    EXPECT_EQ(names_in_directory(dir), old ? Strings{"out.tsv"} : Strings{});
    if (old) {
      EXPECT_EQ(read_whole_file(out), "old");
    }
  }
}

// Zeros, large enough to be cut while it is converted.
TEST_F(LiveModel, CutWhileItIsConverted) {
  const TinyModel large({.dialect = "plain",
                         .layers = 6,
                         .hidden = 512,
                         .head_size = 64,
                         .heads = {8},
                         .ffn = {2048},
                         .zeros = true});
  Process p(Command{.args = {"convert", large.path(), dir.file("new"), "--dtype", "float16"}});
  const auto writing = [&] {
    for (const std::string& name : names_in_directory(dir)) {
      std::error_code ignored;
      if (std::filesystem::file_size(dir.file(name + "/model.safetensors"), ignored) > 0 &&
          !ignored)
        return true;
    }
    return false;
  };
  for (int i = 0; i < 100000 && !writing(); ++i) ::usleep(200);
  cut(large.dir.file("model.safetensors"), 4096);
  const Finished f = p.finish();
  EXPECT_EQ(f.exit_code, 4) << f.err;
  EXPECT_EQ(f.signal, 0);
  EXPECT_EQ(lines_of(f.err).size(), 1u) << f.err;
  EXPECT_TRUE(f.err.starts_with("costeff: " + large.dir.file("model.safetensors"))) << f.err;
  EXPECT_EQ(names_in_directory(dir), Strings{});
}

// The handler itself, in a process of its own.
void read_what_was_cut(const std::string& path, const std::string& temporary, int64_t rows) {
  catch_bus_errors();
  rows_out = rows;
  TemporaryPath left;
  left.create(temporary, [](const char* name) {
    write_file(name, "half");
    return true;
  });
  const auto file = MappedFile::open(path, ErrorKind::model);
  cut(path);
  volatile const std::byte* bytes = file->bytes().data();
  (void)bytes[5000];
  ::_exit(0);
}

// "threadsafe" starts the program anew, which a kernel cannot that is not its CPU's.
constexpr const char* kDeathTestStyle = kEmulated ? "fast" : "threadsafe";
// QEMU tells of a signal itself.
constexpr const char* kNothing = kEmulated ? "^qemu: uncaught target signal 7 .*\n$" : "^$";

TEST(BusError, IsALineAndAnExitCode) {
  testing::FLAGS_gtest_death_test_style = kDeathTestStyle;
  const TempDir dir;
  const std::string path = dir.file("weights"), temporary = dir.file("temporary");
  for (const int64_t rows : {0, 1, 120}) {
    write_file(path, std::string(20000, 'x'));
    const std::string told = rows == 0   ? ""
                             : rows == 1 ? " .1 row was written before."
                                         : " .120 rows were written before.";
    EXPECT_EXIT(read_what_was_cut(path, temporary, rows), testing::ExitedWithCode(4),
                "^costeff: .*weights: became shorter while it was in use, expected a file that "
                "stays as it is; start again, and replace such a file by renaming a new one over "
                "it" +
                    told + "\n$");
    EXPECT_FALSE(file_exists(temporary));
  }
}

#ifndef __SANITIZE_ADDRESS__  // which has a handler of its own, and tells at length
TEST(BusError, OthersDoWhatTheyDid) {
  testing::FLAGS_gtest_death_test_style = kDeathTestStyle;
  EXPECT_EXIT(
      {
        catch_bus_errors();
        ::raise(SIGBUS);
      },
      testing::KilledBySignal(SIGBUS), kNothing);
  const TempDir dir;
  EXPECT_EXIT(
      {
        catch_bus_errors();
        write_file(dir.file("a"), "");
        const int fd = ::open(dir.file("a").c_str(), O_RDONLY);
        void* p = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
        (void)*static_cast<volatile char*>(p);
      },
      testing::KilledBySignal(SIGBUS), kNothing);
}
#endif

struct LiveInput : testing::Test {
  TinyModel model;
  TempDir dir;
  std::string in = dir.file("in.txt");

  // Starts a run that has filled the pipe of its output and has read a part.
  Finished run_with_change(const Strings& more, void (*change)(const std::string&)) const {
    std::string lines;
    for (int i = 0; i < 60000; ++i) lines += "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12\n";
    write_file(in, lines);
    Strings args{"infer", model.path(), in, "--threads", "1", "-S", "9", "--policy", "entropy"};
    args.insert(args.end(), more.begin(), more.end());
    Process p(Command{.args = args});
    p.wait_until_blocked();
    change(in);
    return p.finish();
  }
};

TEST_F(LiveInput, CutOrOverwrittenIsAnError) {
  struct Case {
    const char* name;
    void (*make)(const std::string& path);
    std::string error;  // empty: none
    Strings more;
  };
  const Case kCases[] = {
      {"cut",
       [](const std::string& p) { cut(p, 1000003); },
       ": became shorter while it was read: 1000003 bytes, expected ",
       {}},
      {"overwritten",
       [](const std::string& p) { overwrite(p, "w7"); },
       ": was overwritten while it was read",
       {}},
      {"a part of the rows",
       [](const std::string& p) { overwrite(p, "w7"); },
       ": was ",
       {"--shard", "1/2"}},
      {"a log that grows", [](const std::string& p) { append_text(p, "w1\n"); }, "", {}},
      {"renamed over", [](const std::string& p) { rename_over(p, "w1\n"); }, "", {}},
      {"renamed over, with parts",
       [](const std::string& p) { rename_over(p, "w1\n"); },
       ": was changed or replaced after this run began; start again",
       {"--shard", "1/2"}},
  };
  for (const Case& c : kCases) {
    const Finished f = run_with_change(c.more, c.make);
    EXPECT_EQ(f.exit_code, c.error.empty() ? 0 : 3) << c.name << f.err;
    if (c.error.empty()) {
      EXPECT_EQ(f.err, "") << c.name;
    } else {
      EXPECT_TRUE(f.err.starts_with("costeff: " + in + c.error)) << c.name << f.err;
      EXPECT_EQ(lines_of(f.err).size(), 1u);
    }
  }
}

}  // namespace
}  // namespace costeff::cli
