#include "base/files/emergency.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files/file_bytes.h"
#include "base/files/new_directory.h"
#include "base/format.h"
#include "base/utf8.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

bool make_file(const char* path) {
  write_file(path, "x");
  return true;
}

TEST(TemporaryPath, LastsAsLongAsItsOwnerOrUntilReleased) {
  const TempDir dir;
  const std::string a = dir.file("a"), b = dir.file("b"), c = dir.file("c");
  {
    TemporaryPath first, second, third;
    ASSERT_TRUE(first.create(a, make_file));
    ASSERT_TRUE(second.create(b, make_file));
    EXPECT_FALSE(third.create(c, [](const char*) { return false; }));
    EXPECT_TRUE(third.empty());
    EXPECT_EQ(second.path(), b);
    first.release();
    EXPECT_TRUE(first.empty());
  }
  EXPECT_TRUE(file_exists(a));
  EXPECT_FALSE(file_exists(b));
}

TEST(TemporaryPath, AHandlerRemovesWhatIsLeft) {
  const TempDir dir;
  TemporaryPath file, kept, lost;
  ASSERT_TRUE(file.create(dir.file("file"), make_file));
  ASSERT_TRUE(kept.create(dir.file("kept"), make_file));
  kept.release();
  ASSERT_TRUE(lost.create(dir.file("lost"), make_file));
  std::filesystem::remove(lost.path());
  NewDirectory directory(dir.file("directory"));
  for (int i = 0; i < 300; ++i)  // more names than one read of the directory gives
    write_file(join_path(directory.path(), fmt::format("a_rather_long_name_{}", i)), "x");
  NewDirectory done(dir.file("done"));
  write_file(join_path(done.path(), "a"), "x");
  done.commit();
  {
    const EmergencyLock lock;
    remove_temporaries();
  }
  EXPECT_FALSE(file_exists(dir.file("file")));
  EXPECT_FALSE(file_exists(directory.path()));
  EXPECT_TRUE(file_exists(dir.file("kept")));
  EXPECT_TRUE(file_exists(dir.file("done/a")));
}

TEST(MappingNote, NamesTheFileOfAnAddress) {
  const TempDir dir;
  const std::string path = dir.file("we\nights");
  write_file(path, std::string(5000, 'x'));
  const std::byte* begin = nullptr;
  {
    const auto file = MappedFile::open(path, ErrorKind::model);
    const auto other = MappedFile::open(path, ErrorKind::model);
    begin = file->bytes().data();
    ASSERT_NE(mapped_file_at(begin), nullptr);
    EXPECT_EQ(mapped_file_at(begin), printable(path));
    EXPECT_NE(mapped_file_at(begin + 4999), nullptr);
    EXPECT_EQ(mapped_file_at(&path), nullptr);
  }
  EXPECT_EQ(mapped_file_at(begin), nullptr);
}

}  // namespace
}  // namespace costeff
