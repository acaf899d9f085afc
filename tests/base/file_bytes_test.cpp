#include "base/files/file_bytes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "base/error_of.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

std::string open_error(const std::string& path) {
  return error_of(ErrorKind::input, [&] { MappedFile::open(path, ErrorKind::input); });
}

TEST(MappedFile, HoldsTheBytes) {
  TempDir dir;
  write_file(dir.file("a"), std::string("x\0y", 3));
  const auto file = MappedFile::open(dir.file("a"), ErrorKind::input);
  ASSERT_EQ(file->bytes().size(), 3u);
  EXPECT_EQ(std::to_integer<char>(file->bytes()[2]), 'y');
  write_file(dir.file("empty"), "");
  EXPECT_TRUE(MappedFile::open(dir.file("empty"), ErrorKind::input)->bytes().empty());
}

TEST(MappedFile, WhatIsGivenBackComesBackFromTheFile) {
  TempDir dir;
  std::string text(5 * 4096 + 100, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  write_file(dir.file("a"), text);
  const auto file = MappedFile::open(dir.file("a"), ErrorKind::input);
  const auto same = [&] {
    return std::memcmp(file->bytes().data(), text.data(), text.size()) == 0;
  };
  ASSERT_TRUE(same());
  for (const auto& [from, count] : {std::pair<size_t, size_t>{0, text.size()}, {100, 9000}, {5, 7}})
    file->give_back(file->bytes().subspan(from, count));
  EXPECT_TRUE(same());

  // Other memory keeps its contents.
  const auto* own = reinterpret_cast<const std::byte*>(text.data());
  const std::string before = text;
  file->give_back({own, text.size()});
  EXPECT_EQ(text, before);
}

TEST(MappedFile, RefusesWhatIsNoFile) {
  TempDir dir;
  EXPECT_EQ(open_error(dir.file("none")), dir.file("none") + ": No such file or directory");
  EXPECT_EQ(open_error(dir.path()), dir.path() + ": is a directory, expected a file");
  ASSERT_EQ(::mkfifo(dir.file("fifo").c_str(), 0600), 0);
  EXPECT_EQ(open_error(dir.file("fifo")),
            dir.file("fifo") + ": not a regular file");  // and does not wait
  EXPECT_EQ(open_error("/dev/zero"), "/dev/zero: not a regular file");
  ASSERT_EQ(::symlink("loop", dir.file("loop").c_str()), 0);
  EXPECT_NE(open_error(dir.file("loop")), "");
}

TEST(ByteReader, StaysInside) {
  const std::byte bytes[] = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{0xFF},
                             std::byte{5}};
  ByteReader r(bytes);
  uint32_t word = 0;
  uint16_t half = 0;
  ASSERT_TRUE(r.get(&word));
  EXPECT_EQ(word, 0xFF030201u);
  EXPECT_FALSE(r.get(&half));
  EXPECT_EQ(r.position(), 4u);
  EXPECT_FALSE(r.skip(~uint64_t{0}));
  EXPECT_FALSE(r.seek(6));
  std::span<const std::byte> part;
  EXPECT_FALSE(r.get_bytes(2, &part));
  ASSERT_TRUE(r.get_bytes(1, &part));
  EXPECT_EQ(part[0], std::byte{5});
  EXPECT_EQ(r.remaining(), 0u);
}

}  // namespace
}  // namespace costeff
