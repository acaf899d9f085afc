#include "tasks/write/output_file.h"

#include <costeff/error.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/error_of.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

Strings names_in(const std::filesystem::path& dir) {
  Strings out;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    out.push_back(entry.path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

mode_t mode_of(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::stat(path.c_str(), &st), 0);
  return st.st_mode & 07777;
}

std::string open_error(const std::string& path) {
  return error_of(ErrorKind::output, [&] { OutputFile file(path); });
}

TEST(OutputFile, AppearsAtCommit) {
  TemporaryDirectory dir;
  const mode_t old_mask = ::umask(027);
  {
    OutputFile file(dir.file("out.tsv"));
    EXPECT_EQ(file.write("a\n"), WriteStatus::ok);
    EXPECT_EQ(file.write(""), WriteStatus::ok);
    const Strings names = names_in(dir.path);
    ASSERT_EQ(names.size(), 1u);
    EXPECT_EQ(names[0].substr(0, 12), "out.tsv.tmp.");
    EXPECT_EQ(names[0].size(), 18u);
    EXPECT_EQ(file.write("b\n"), WriteStatus::ok);
    file.commit();
    EXPECT_EQ(slurp(dir.file("out.tsv")), "a\nb\n");
  }
  ::umask(old_mask);
  EXPECT_EQ(names_in(dir.path), Strings{"out.tsv"});
  EXPECT_EQ(mode_of(dir.file("out.tsv")), 0640u);
}

TEST(OutputFile, NotCommittedLeavesNothing) {
  TemporaryDirectory dir;
  const std::string path = dir.write("out.tsv", "old");
  {
    OutputFile file(path);
    EXPECT_EQ(file.write("new"), WriteStatus::ok);
  }
  EXPECT_EQ(names_in(dir.path), Strings{"out.tsv"});
  EXPECT_EQ(slurp(path), "old");
}

TEST(OutputFile, KeepsModeAndLinks) {
  TemporaryDirectory dir;
  const std::string path = dir.write("out.tsv", "old"), link = dir.file("link");
  ASSERT_EQ(::chmod(path.c_str(), 0604), 0);
  std::filesystem::create_symlink("out.tsv", link);
  OutputFile file(link);
  EXPECT_EQ(file.write("new"), WriteStatus::ok);
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(slurp(path), "new");
  EXPECT_EQ(mode_of(path), 0604u);
}

TEST(OutputFile, OpenErrors) {
  TemporaryDirectory dir;
  const std::string directory = dir.path.string(), nowhere = dir.file("no/out.tsv");
  EXPECT_EQ(open_error(directory), directory + ": is a directory, expected a file");
  EXPECT_EQ(open_error(nowhere), nowhere + ": No such file or directory");
  const std::string below = dir.write("file", "") + "/out.tsv";
  EXPECT_EQ(open_error(below), below + ": Not a directory");
  EXPECT_EQ(open_error(""), "the output file has an empty name");
  EXPECT_EQ(open_error("/dev/fd/987"), "/dev/fd/987: Bad file descriptor");
}

TEST(OutputFile, FullDisk) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  OutputFile file("/dev/full");
  EXPECT_EQ(error_of(ErrorKind::output, [&] { file.write("x"); }),
            "/dev/full: No space left on device");
}

TEST(OutputFile, DevicesAreWrittenStraight) {
  OutputFile file("/dev/null");
  EXPECT_EQ(file.write(std::string(100'000, 'x')), WriteStatus::ok);
  file.commit();
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(OutputFile, DescriptorKeepsItsOffset) {
  TemporaryDirectory dir;
  const std::string path = dir.write("log", "before\n");
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND);
  {
    OutputFile file("/dev/fd/" + std::to_string(fd));
    EXPECT_EQ(file.write("after\n"), WriteStatus::ok);
    file.commit();
  }
  EXPECT_EQ(::write(fd, "end\n", 4), 4);  // it is not ours to close
  ::close(fd);
  EXPECT_EQ(slurp(path), "before\nafter\nend\n");
}

TEST(OutputFile, PipeGetsAllBytes) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const std::string sent(1'000'000, 'y');
  std::string got;
  std::thread reader([&] {
    char buffer[8192];
    for (ssize_t n; (n = ::read(fds[0], buffer, sizeof buffer)) > 0;) got.append(buffer, size_t(n));
  });
  {
    OutputFile file("/dev/fd/" + std::to_string(fds[1]));
    EXPECT_EQ(file.write(sent), WriteStatus::ok);
  }
  ::close(fds[1]);
  reader.join();
  ::close(fds[0]);
  EXPECT_EQ(got, sent);
}

TEST(OutputFile, ClosedPipe) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  ::close(fds[0]);
  const auto old = std::signal(SIGPIPE, SIG_IGN);
  OutputFile file("/dev/fd/" + std::to_string(fds[1]));
  EXPECT_EQ(file.write("x"), WriteStatus::closed);
  std::signal(SIGPIPE, old);
  ::close(fds[1]);
}

TEST(OutputFile, StopWhileThePipeIsFull) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  std::atomic<bool> stop{true};
  OutputFile file("/dev/fd/" + std::to_string(fds[1]), &stop);
  EXPECT_EQ(file.write("fits\n"), WriteStatus::ok);  // what need not wait still goes
  EXPECT_EQ(file.write(std::string(4u << 20, 'x')), WriteStatus::stopped);
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST(OutputFile, Fifo) {
  TemporaryDirectory dir;
  const std::string path = dir.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = slurp(path); });
  {
    OutputFile file(path);
    EXPECT_EQ(file.write("through\n"), WriteStatus::ok);
    file.commit();
  }
  reader.join();
  EXPECT_EQ(got, "through\n");
  EXPECT_EQ(names_in(dir.path), Strings{"fifo"});
}

}  // namespace
}  // namespace costeff::tasks
