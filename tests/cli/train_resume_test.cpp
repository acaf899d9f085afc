// Training that is killed or interrupted goes on to the same bits.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "cli/eval_data.h"

namespace costeff::cli {
namespace {

namespace fs = std::filesystem;

// A pipe with a name, for --log: a run that nobody reads waits after some 20 steps.
class NarrowPipe {
 public:
  explicit NarrowPipe(const std::string& path) : path_(path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    fd_ = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    EXPECT_GE(fd_, 0);
    // All but a page of it is filled.
    bytes_ = ::fcntl(fd_, F_SETPIPE_SZ, kRoom);
    EXPECT_GE(bytes_, kRoom);
    const std::string filler(static_cast<size_t>(bytes_ - kRoom), '\n');
    EXPECT_EQ(::write(fd_, filler.data(), filler.size()), static_cast<ssize_t>(filler.size()));
  }
  ~NarrowPipe() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }
  // False: it is not full after a minute.
  bool wait_until_full() const {
    for (int turn = 0; turn < 6000; ++turn, ::poll(nullptr, 0, 10)) {
      int bytes = 0;
      if (::ioctl(fd_, FIONREAD, &bytes) == 0 && bytes > bytes_ - 400) return true;
    }
    return false;
  }
  // As much as there will be: the pipe is wide then, and what was written goes.
  void let_go() const {
    char buffer[4096];
    while (::read(fd_, buffer, sizeof buffer) > 0) {
    }
    EXPECT_GE(::fcntl(fd_, F_SETPIPE_SZ, 16 * kRoom), 16 * kRoom);
  }

 private:
  static constexpr int kRoom = 4096;
  std::string path_;
  int fd_ = -1, bytes_ = 0;
};

struct TrainResumeCli : EvalCli {
  Strings flags;  // of the run

  Strings command(const std::string& out, const Strings& more) const {
    Strings args{"train", model.path(), "--data", data, "-o", out};
    args.insert(args.end(), flags.begin(), flags.end());
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  // Runs until the log is full, then ends it by a signal.
  Finished run_until_signal(const std::string& out, const Strings& more, int signal) {
    const NarrowPipe log(dir.file("log"));
    Strings args = command(out, more);
    args.insert(args.end(), {"--log", log.path()});
    Process p({.args = args});
    EXPECT_TRUE(log.wait_until_full());
    p.send(signal);
    if (signal != SIGKILL) log.let_go();
    Finished f = p.finish();
    EXPECT_FALSE(fs::exists(out));
    EXPECT_TRUE(fs::exists(out + ".training/state.json"));
    return f;
  }
  std::map<std::string, std::string> files(const std::string& out) const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(out)) {
      const std::string name = entry.path().filename();
      if (name != "training.json") all[name] = read_whole_file(entry.path());
    }
    return all;
  }
};

TEST_F(TrainResumeCli, AfterKillAndCtrlC) {
  const Strings common{"--batch", "4", "--epochs", "3", "--eval-every", "6", "--dev-share", "0.2"};
  const Strings runs[] = {{"--recipe", "deebert"}, {"--dtype", "bf16"}, {"--recipe", "ramps"}};
  for (const Strings& one : runs) {
    SCOPED_TRACE(joined(one));
    flags = common;
    flags.insert(flags.end(), one.begin(), one.end());
    const std::string name = one[1], whole = dir.file(name), parts = dir.file(name + "-parts");
    ASSERT_EQ(run(command(whole, {"--threads", "1"})).exit_code, 0);

    const Finished killed = run_until_signal(parts, {"--threads", "1"}, SIGKILL);
    EXPECT_EQ(killed.signal, SIGKILL);
    // Two stages are more than the second part comes to, one is not.
    Strings more{"--threads", "2", "--micro-batch", "3", "--resume"};
    if (name == "deebert") {
      const Finished stopped = run_until_signal(parts, more, SIGINT);
      EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
      EXPECT_NE(stopped.err.find("interrupted; to go on: "), std::string::npos) << stopped.err;
    }
    const Finished last = run(command(parts, more));
    EXPECT_EQ(last.exit_code, 0) << last.err;
    EXPECT_NE(last.err.find("going on after step "), std::string::npos) << last.err;
    EXPECT_EQ(files(parts), files(whole));
    EXPECT_FALSE(fs::exists(parts + ".training"));
  }
}

TEST_F(TrainResumeCli, RefusesAnotherRun) {
  flags = {"--batch", "4", "--epochs", "3", "--eval-every", "6"};
  const std::string out = dir.file("out");
  const Finished none = run(command(out, {"--resume"}));
  EXPECT_EQ(none.exit_code, 3) << none.err;
  EXPECT_NE(none.err.find("out.training: there is no unfinished run to go on with"),
            std::string::npos)
      << none.err;
  run_until_signal(out, {}, SIGKILL);
  const std::string other = dir.file("other.tsv");
  write_file(other, labelled_rows("text\tlabel\n", texts, {"0", "1", "2", "1"}));
  const struct {
    Strings flags;
    int code;
    const char* says;
  } cases[] = {
      {{}, 5, "holds an unfinished run, expected --resume to go on with it"},
      {{"--resume", "--lr", "1e-4"}, 3, "learning rate 2e-05 (now 0.0001)"},
      {{"--resume", "--seed", "7"}, 3, "is of a run with seed 42 (now 7)"},
      {{"--resume", "--metric", "macro_f1"}, 3, "metric accuracy (now macro_f1)"},
      {{"--resume", "--data", other}, 3, "is of a run with other rows to train on"},
      {{"--resume", "--dev-share", "0.3"}, 3, "is of a run with other rows to train on"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(joined(c.flags));
    const Finished f = run(command(out, c.flags));
    EXPECT_EQ(f.exit_code, c.code) << f.err;
    EXPECT_NE(lines_of(f.err).back().find(c.says), std::string::npos) << f.err;
    EXPECT_FALSE(fs::exists(out));
  }
  EXPECT_EQ(run(command(out, {"--resume"})).exit_code, 0);
}

}  // namespace
}  // namespace costeff::cli
