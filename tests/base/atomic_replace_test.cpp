#include "base/files/atomic_replace.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/files/file_bytes.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::stat(path.c_str(), &st), 0) << path;
  return st.st_mode & 0777;
}

int files_in(const std::string& dir) {
  int n = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(dir)) ++n;
  return n;
}

struct PathCase {
  const char *path, *parent;
};

TEST(ParentOf, IsADirectoryThatCanBeOpened) {
  const PathCase kCases[] = {{"a", "."},     {"a/b", "a"}, {"/a", "/"},
                             {"/a/b", "/a"}, {"./a", "."}, {"a/b/c", "a/b"}};
  for (const PathCase& c : kCases) EXPECT_EQ(parent_of(c.path), c.parent) << c.path;
}

TEST(FollowLinks, LeadsToTheFile) {
  const TempDir dir;
  write_file(dir.file("f"), "x");
  fs::create_symlink("f", dir.file("link"));
  fs::create_symlink("link", dir.file("link to link"));
  fs::create_symlink("nowhere", dir.file("dangling"));
  const std::string real = follow_links(dir.file("f"));
  EXPECT_EQ(follow_links(dir.file("link")), real);
  EXPECT_EQ(follow_links(dir.file("link to link")), real);
  EXPECT_EQ(follow_links(dir.file("dangling")), dir.file("dangling"));
  EXPECT_EQ(follow_links(dir.file("none")), dir.file("none"));
}

TEST(Replacement, AFileAppearsAtCommitWithItsMode) {
  for (const mode_t mode : {0600, 0640, 0666, 0755}) {  // whatever the umask is
    const TempDir dir;
    write_file(dir.file("f"), "old");
    int fd = -1;
    Replacement replacement;
    EXPECT_TRUE(replacement.empty());
    ASSERT_TRUE(replacement.create_file(dir.file("f"), mode, &fd));
    EXPECT_TRUE(replacement.path().starts_with(dir.file("f.tmp.")));
    ASSERT_TRUE(write_all(fd, "new"));
    ASSERT_TRUE(sync_and_close(&fd));
    EXPECT_EQ(fd, -1);
    EXPECT_EQ(read_whole_file(dir.file("f")), "old");
    ASSERT_TRUE(replacement.commit());
    EXPECT_TRUE(replacement.empty());
    EXPECT_EQ(read_whole_file(dir.file("f")), "new");
    EXPECT_EQ(mode_of(dir.file("f")), mode);
    EXPECT_EQ(files_in(dir.path()), 1);
  }
}

TEST(Replacement, LeavesNothingWithoutCommit) {
  const TempDir dir;
  {
    int fd = -1;
    Replacement file, directory;
    ASSERT_TRUE(file.create_file(dir.file("f"), std::nullopt, &fd));
    ASSERT_TRUE(directory.create_directory(dir.file("d"), std::nullopt));
    write_file(join_path(directory.path(), "inside"), "x");
    ::close(fd);
    EXPECT_EQ(files_in(dir.path()), 2);
  }
  EXPECT_EQ(files_in(dir.path()), 0);
}

TEST(Replacement, SaysWhyByErrno) {
  const TempDir dir;
  int fd = -1;
  Replacement replacement;
  EXPECT_FALSE(replacement.create_file(dir.file("no/f"), std::nullopt, &fd));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_FALSE(replacement.create_directory(dir.file("no/d"), std::nullopt));
  EXPECT_EQ(errno, ENOENT);
  ASSERT_TRUE(replacement.create_directory(dir.file("d"), std::nullopt));
  write_file(dir.file("d"), "a file");
  EXPECT_FALSE(replacement.commit());
  EXPECT_EQ(errno, ENOTDIR);
  EXPECT_FALSE(replacement.empty());
  EXPECT_EQ(read_whole_file(dir.file("d")), "a file");
}

TEST(RenameDurably, ReplacesTheTarget) {
  const TempDir dir;
  write_file(dir.file("f.partial"), "new");
  write_file(dir.file("f"), "old");
  EXPECT_TRUE(rename_durably(dir.file("f.partial"), dir.file("f")));
  EXPECT_EQ(read_whole_file(dir.file("f")), "new");
  EXPECT_FALSE(rename_durably(dir.file("f.partial"), dir.file("f")));
  EXPECT_EQ(errno, ENOENT);
}

// Pipes and devices cannot be synced, which is no error; a descriptor that is not open is one.
TEST(SyncFile, IgnoresWhatCannotSync) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  EXPECT_TRUE(sync_file(pipe[1]));
  ::close(pipe[0]);
  EXPECT_TRUE(sync_and_close(&pipe[1]));
  EXPECT_EQ(pipe[1], -1);
  EXPECT_FALSE(sync_file(-1));
  EXPECT_EQ(errno, EBADF);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full < 0) GTEST_SKIP() << "no /dev/full";
  EXPECT_FALSE(write_all(full, "x"));
  EXPECT_EQ(errno, ENOSPC);
  ::close(full);
}

}  // namespace
}  // namespace costeff
