#include "base/files/file_writer.h"

#include <costeff/error.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "base/error_of.h"
#include "base/resource_limit.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

// Pieces below, at and above the size of the buffer.
TEST(FileWriter, WritesEveryByteInOrder) {
  const TempDir dir;
  std::string all;
  FileWriter file(dir.file("f"));
  for (const size_t size : {size_t{0}, size_t{1}, size_t{262143}, size_t{262144}, size_t{5},
                            size_t{700000}, size_t{3}}) {
    std::string piece;
    for (size_t i = 0; i < size; ++i) piece += static_cast<char>('a' + (all.size() + i) % 26);
    file.write(piece);
    all += piece;
  }
  EXPECT_EQ(file.written(), all.size());
  file.finish();
  EXPECT_EQ(read_whole_file(dir.file("f")), all);
}

TEST(FileWriter, NamesTheFileThatCannotBeWritten) {
  const TempDir dir;
  write_file(dir.file("there"), "old");
  EXPECT_EQ(error_of(ErrorKind::output, [&] { FileWriter f(dir.file("there")); }),
            dir.file("there") + ": File exists");
  EXPECT_EQ(read_whole_file(dir.file("there")), "old");
  EXPECT_EQ(error_of(ErrorKind::output, [&] { FileWriter f(dir.file("no/f")); }),
            dir.file("no/f") + ": No such file or directory");
}

// A limit on file sizes stands for a full disk.
TEST(FileWriter, DiskFull) {
  const TempDir dir;
  const auto old_action = ::signal(SIGXFSZ, SIG_IGN);
  std::string large, small;
  {
    const ResourceLimit limit(RLIMIT_FSIZE, 1000);
    large = error_of(ErrorKind::output,
                     [&] { FileWriter(dir.file("a")).write(std::string(1 << 20, 'x')); });
    small = error_of(ErrorKind::output, [&] {
      FileWriter f(dir.file("b"));
      f.write(std::string(2000, 'x'));
      f.finish();
    });
  }
  ::signal(SIGXFSZ, old_action);
  EXPECT_EQ(large, dir.file("a") + ": File too large");
  EXPECT_EQ(small, dir.file("b") + ": File too large");
}

}  // namespace
}  // namespace costeff
