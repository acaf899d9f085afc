// gzip and zstd through the readers: the same rows as of the plain file, whatever the pieces.

#include "tasks/lines/unpack.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "packing.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

using namespace std::string_literals;

struct Packer {
  const char* name;
  std::string (*pack)(std::string_view);
};
const Packer kPackers[] = {{"gzip", gzip}, {"zstd", [](std::string_view b) { return zstd(b); }}};

std::string many_rows() {
  std::string text = "id\tsentence\n";
  for (int i = 0; i < 600; ++i) text += std::to_string(i) + "\trow " + std::to_string(i * i) + "\n";
  return text;
}

TEST(Unpack, SameRowsAsThePlainFile) {
  const std::string plain = many_rows();
  const ReadRows expected = read_bytes("in.tsv", plain);
  ASSERT_EQ(expected.rows.size(), 600u);
  for (const Packer& p : kPackers) {
    SCOPED_TRACE(p.name);
    const std::string packed = p.pack(plain);
    const std::string two = p.pack(plain.substr(0, 1234)) + p.pack(plain.substr(1234)) + p.pack("");
    for (const std::string& bytes : {packed, two}) {
      for (const size_t chunk : {1, 7, 4096, 1 << 18}) {
        const ReadRows read = read_bytes("in.tsv.gz", bytes, {}, chunk);
        EXPECT_EQ(read.error, "");
        EXPECT_EQ(texts(read), texts(expected));
        EXPECT_EQ(ids(read), ids(expected));
        EXPECT_EQ(lines(read), lines(expected));
      }
    }
    // By content, not by name; and of any format.
    EXPECT_EQ(texts(read_bytes("in.tsv", packed)), texts(expected));
    EXPECT_EQ(texts(read_bytes("in.jsonl.gz", p.pack("\xEF\xBB\xBF{\"text\":\"a\"}\n"))),
              Strings{"a"});
    EXPECT_EQ(texts(read_bytes("in.json.gz", p.pack("[{\"text\":\"a\"},\n{\"text\":\"b\"}]"))),
              (Strings{"a", "b"}));
    EXPECT_EQ(texts(read_bytes("in", p.pack("a\n\nb"))), (Strings{"a", "", "b"}));
    EXPECT_TRUE(read_bytes("in", p.pack("")).rows.empty());
    EXPECT_EQ(read_bytes("in", p.pack("")).error, "");
    EXPECT_EQ(read_bytes("in.csv.gz", p.pack("")).error,
              "in.csv.gz: is empty, expected a header or rows of columns");
  }
}

TEST(Unpack, ProgressCountsPackedBytes) {
  for (const Packer& p : kPackers) {
    const std::string bytes = p.pack(many_rows());
    RowReader reader({{"in.tsv.gz", bytes}}, {}, nullptr, 64);
    EXPECT_EQ(reader.bytes_total(), static_cast<int64_t>(bytes.size()));
    Example row;
    int64_t last = 0;
    while (reader.next(row, true) == ReadStatus::row) {
      EXPECT_GE(reader.bytes_done(), last);
      last = reader.bytes_done();
      EXPECT_LE(last, static_cast<int64_t>(bytes.size()));
    }
    EXPECT_GT(last, static_cast<int64_t>(bytes.size()) - 100);
  }
}

// Cut anywhere: whole rows of what was there, then one line.
TEST(Unpack, CutShort) {
  const std::string plain = many_rows();
  const Strings expected = texts(read_bytes("in.tsv", plain));
  for (const Packer& p : kPackers) {
    SCOPED_TRACE(p.name);
    const std::string packed = p.pack(plain);
    for (size_t size = 10; size < packed.size(); size += 1 + size / 8) {
      const ReadRows read = read_bytes("in.tsv", packed.substr(0, size));
      EXPECT_EQ(read.kind, ErrorKind::input);
      EXPECT_EQ(read.error, "in.tsv: the "s + p.name + " data ends early, after " +
                                std::to_string(size) + " bytes: the file is cut short");
      const Strings got = texts(read);
      ASSERT_LE(got.size(), expected.size());
      EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin()));
    }
    const ReadRows last = read_bytes("in.tsv", packed.substr(0, packed.size() - 1));
    EXPECT_EQ(last.kind, ErrorKind::input);
  }
}

TEST(Unpack, DamagedAndTrailingBytes) {
  const std::string plain = many_rows();
  for (const Packer& p : kPackers) {
    SCOPED_TRACE(p.name);
    const std::string packed = p.pack(plain);
    std::string damaged = packed;
    damaged[packed.size() / 2] = static_cast<char>(damaged[packed.size() / 2] ^ 0x55);
    const std::string error = read_bytes("in.tsv", damaged).error;
    EXPECT_EQ(error.find("in.tsv: the "s + p.name + " data is damaged near byte "), 0u) << error;
    const std::string trailing = read_bytes("in.tsv", packed + "garbage that is none").error;
    EXPECT_EQ(trailing, "in.tsv: byte " + std::to_string(packed.size()) +
                            ": bytes after the end of the " + p.name +
                            " data that do not belong to it, expected the end of the file");
    EXPECT_EQ(
        read_bytes("in", p.pack(packed)).error,
        "in: holds "s + p.name + " data that was packed twice, expected once; unpack it first");
    // What is inside is looked at too.
    EXPECT_NE(read_bytes("in.gz", p.pack("PK\x03\x04\x14\0\0\0"s)).error.find("zip"),
              std::string::npos);
  }
  // Tapes and some archivers fill up with NULs.
  EXPECT_EQ(read_bytes("in", gzip("a\n") + std::string(1000, '\0')).error, "");
  EXPECT_EQ(texts(read_bytes("in", gzip("a\n") + std::string(9, '\0') + gzip("b\n"))),
            (Strings{"a", "b"}));
}

TEST(Unpack, WindowsOfZstdAreBounded) {
  const std::string plain(1 << 20, 'x');
  EXPECT_EQ(read_bytes("in.zst", zstd(plain, 27)).error, "");
  const ReadRows read = read_bytes("in.zst", zstd(plain, 28));
  EXPECT_EQ(read.kind, ErrorKind::input);
  EXPECT_EQ(read.error,
            "in.zst: the zstd data needs a window of more than 128 MiB; unpack it first (zstd -d "
            "--long=31)");
}

// A line that unpacks to more than a line may have.
TEST(Unpack, LongLinesAreBounded) {
  const std::string bytes = gzip(std::string((64u << 20) + 10, 'x'));
  EXPECT_LT(bytes.size(), 100'000u);
  EXPECT_EQ(read_bytes("in.gz", bytes).error, "in.gz:1: line longer than 64 MiB");
}

TEST(Unpack, FromAPipeRowsComeAsSoonAsTheyCan) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  RowReader reader({{"/dev/fd/" + std::to_string(fds[0]), {}}}, {});
  Example row;
  const std::string first = gzip("one\ntwo\n"), second = gzip("three\n");
  const auto put = [&](std::string_view s) {
    ASSERT_EQ(::write(fds[1], s.data(), s.size()), static_cast<ssize_t>(s.size()));
  };
  EXPECT_EQ(reader.next(row, false), ReadStatus::would_block);
  put(first.substr(0, 2));
  EXPECT_EQ(reader.next(row, false), ReadStatus::would_block);
  put(first.substr(2));
  ASSERT_EQ(reader.next(row, false), ReadStatus::row);
  EXPECT_EQ(row.text_a, "one");
  ASSERT_EQ(reader.next(row, false), ReadStatus::row);
  EXPECT_EQ(reader.next(row, false), ReadStatus::would_block);
  put(second);
  ::close(fds[1]);
  ASSERT_EQ(reader.next(row, true), ReadStatus::row);
  EXPECT_EQ(row.text_a, "three");
  EXPECT_EQ(reader.next(row, true), ReadStatus::end);
  ::close(fds[0]);
}

}  // namespace
}  // namespace costeff::tasks
