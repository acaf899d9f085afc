#include "base/files/new_directory.h"

#include <costeff/error.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>

#include "base/error_of.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;

std::set<std::string> names(const std::string& dir) {
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(dir))
    out.insert(entry.path().filename().string());
  return out;
}

TEST(NewDirectory, AppearsWithItsFilesAtCommit) {
  const TempDir dir;
  {
    NewDirectory fresh(dir.file("new/"));
    EXPECT_TRUE(fresh.path().starts_with(dir.file("new.tmp.")));
    write_file(fresh.path() + "/f", "text");
    EXPECT_FALSE(fs::exists(dir.file("new")));
    fresh.commit();
  }
  EXPECT_EQ(names(dir.path()), std::set<std::string>{"new"});
  EXPECT_EQ(read_whole_file(dir.file("new/f")), "text");
}

TEST(NewDirectory, LeavesNothingWithoutCommit) {
  const TempDir dir;
  {
    NewDirectory fresh(dir.file("new"));
    write_file(fresh.path() + "/f", "text");
  }
  EXPECT_TRUE(names(dir.path()).empty());
}

TEST(NewDirectory, TakesThePlaceOfAnEmptyOne) {
  const TempDir dir;
  fs::create_directory(dir.file("empty"));
  ASSERT_EQ(::chmod(dir.file("empty").c_str(), 0750), 0);
  fs::create_directory_symlink(dir.file("empty"), dir.file("link"));
  NewDirectory fresh(dir.file("link"));
  write_file(fresh.path() + "/f", "text");
  fresh.commit();
  EXPECT_EQ(read_whole_file(dir.file("empty/f")), "text");
  EXPECT_TRUE(fs::is_symlink(dir.file("link")));
  struct stat st {};
  ASSERT_EQ(::stat(dir.file("empty").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777u, 0750u);
}

TEST(NewDirectory, RefusesWhatIsThere) {
  const TempDir dir;
  fs::create_directory(dir.file("full"));
  write_file(dir.file("full/f"), "old");
  write_file(dir.file("file"), "old");
  fs::create_symlink("nowhere", dir.file("dangling"));
  const std::string expected = ", expected a new name or an empty directory";
  const auto error = [&](const std::string& name) {
    return error_of(ErrorKind::output, [&] { NewDirectory d(name); });
  };
  EXPECT_EQ(error(dir.file("full")), dir.file("full") + ": is not empty" + expected);
  EXPECT_EQ(error(dir.file("file")),
            dir.file("file") + ": exists and is not a directory" + expected);
  EXPECT_EQ(error(dir.file("dangling")),
            dir.file("dangling") + ": exists and is not a directory" + expected);
  EXPECT_EQ(error(dir.file("no/new")), dir.file("no/new") + ": cannot make a directory in " +
                                           dir.file("no") + ": No such file or directory");
  EXPECT_EQ(error(""), "the output directory has an empty name");
  EXPECT_EQ(names(dir.path()), (std::set<std::string>{"dangling", "file", "full"}));
}

// Another program has made the directory meanwhile.
TEST(NewDirectory, CommitDoesNotReplaceFiles) {
  const TempDir dir;
  NewDirectory fresh(dir.file("new"));
  write_file(fresh.path() + "/f", "mine");
  fs::create_directory(dir.file("new"));
  write_file(dir.file("new/f"), "theirs");
  EXPECT_EQ(error_of(ErrorKind::output, [&] { fresh.commit(); }),
            dir.file("new") + ": Directory not empty");
  EXPECT_EQ(read_whole_file(dir.file("new/f")), "theirs");
}

}  // namespace
}  // namespace costeff
