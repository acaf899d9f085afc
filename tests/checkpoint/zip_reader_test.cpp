#include "checkpoint/containers/zip_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error_of.h"
#include "base/files/file_bytes.h"
#include "checkpoint/container_bytes.h"

namespace costeff::checkpoint {
namespace {

using test::le;
using test::zip_bytes;

std::string zip_error(const std::string& zip) {
  return error_of(ErrorKind::model, [&] { parse_zip(test::as_bytes(zip), "m.bin"); });
}
// Overwrites the bytes at `offset` after the n-th occurrence of `signature`.
void poke(std::string* zip, uint32_t signature, size_t offset, const std::string& bytes,
          int n = 0) {
  size_t at = zip->find(le(signature, 4));
  for (; n > 0; --n) at = zip->find(le(signature, 4), at + 1);
  ASSERT_NE(at, std::string::npos);
  zip->replace(at + offset, bytes.size(), bytes);
}
constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kLocator = 0x07064b50;

TEST(ZipReader, ReadsWhatTorchWrites) {
  for (const uint16_t flags : {uint16_t{0x0808}, uint16_t{0}}) {
    const std::string zip = zip_bytes({{"r/data.pkl", "pickle", flags}, {"r/data/0", "", flags}});
    const ZipArchive archive = parse_zip(test::as_bytes(zip), "m.bin");
    ASSERT_EQ(archive.entries.size(), 2u);
    EXPECT_EQ(as_text(archive.find("r/data.pkl")->data), "pickle");
    EXPECT_EQ(archive.find("r/data/0")->data.size(), 0u);
    EXPECT_EQ(archive.find("r/data/1"), nullptr);
    EXPECT_EQ(error_of(ErrorKind::model, [&] { check_crc(archive.entries[0], "m.bin"); }), "");
  }
}

TEST(ZipReader, ComparesChecksums) {
  const std::string zip = zip_bytes({{"a", "123456789", 0x0808, 0, true}});
  const ZipArchive archive = parse_zip(test::as_bytes(zip), "m.bin");
  // cbf43926 is the check value in every description of CRC-32.
  EXPECT_EQ(error_of(ErrorKind::model, [&] { check_crc(archive.entries[0], "m.bin"); }),
            "m.bin: entry a: CRC-32 is cbf43926, expected cbf43927: the file is damaged");
}

// torch's set_crc32_options(False).
TEST(ZipReader, NoChecksumsAtAllAreNone) {
  const auto without = [](int entries) {
    std::string zip = zip_bytes({{"a", "123456789"}, {"b", ""}, {"c", "xyz"}});
    for (int i : {0, 2}) {
      if (i == 2 && entries == 1) break;
      poke(&zip, kCentral, 16, le(0, 4), i);
    }
    return zip;
  };
  const std::string none = without(2);
  const ZipArchive archive = parse_zip(test::as_bytes(none), "m.bin");
  EXPECT_FALSE(archive.has_crcs);
  for (const ZipEntry& e : archive.entries)
    EXPECT_EQ(error_of(ErrorKind::model, [&] { check_crc(e, "m"); }), "");
  // One 0 among others is wrong, in the directory as in the archive.
  const std::string one = without(1);
  const ZipArchive other = parse_zip(test::as_bytes(one), "m.bin");
  EXPECT_TRUE(other.has_crcs);
  EXPECT_EQ(error_of(ErrorKind::model, [&] { check_crc(other.entries[0], "m.bin"); }),
            "m.bin: entry a: CRC-32 is cbf43926, expected 00000000: the file is damaged");
  EXPECT_EQ(error_of(ErrorKind::model, [&] { check_crc(other.entries[1], "m.bin"); }), "");
}

TEST(ZipReader, EveryTruncationIsAnError) {
  const std::string zip = zip_bytes({{"a", "xyz"}, {"b", "w"}});
  for (size_t n = 0; n < zip.size(); ++n) EXPECT_NE(zip_error(zip.substr(0, n)), "") << n;
  EXPECT_EQ(zip_error(zip), "");
  EXPECT_NE(zip_error(zip + "x"), "");
}

TEST(ZipReader, RefusesCompressedAndEncrypted) {
  EXPECT_EQ(zip_error(zip_bytes({{"a", "x", 0, 8}})),
            "m.bin: zip archive: entry a: is compressed (method 8), expected stored, as torch.save "
            "writes");
  EXPECT_EQ(zip_error(zip_bytes({{"a", "x", 1}})), "m.bin: zip archive: entry a: is encrypted");
}

TEST(ZipReader, RefusesWhatReadersDisagreeOn) {
  EXPECT_EQ(zip_error(zip_bytes({{"a", "x"}, {"a", "y"}})),
            "m.bin: zip archive: entry a: is there twice (duplicate)");
  EXPECT_EQ(zip_error(zip_bytes({})), "m.bin: zip archive: it has no entries");
  const std::string good = zip_bytes({{"a", "xyz", 0}, {"b", "w", 0}});
  const auto broken = [&](uint32_t signature, size_t offset, const std::string& bytes, int n = 0) {
    std::string zip = good;
    poke(&zip, signature, offset, bytes, n);
    return zip_error(zip);
  };
  const std::string contradicts = "its local header contradicts the directory";
  EXPECT_NE(broken(kLocal, 30, "c").find("its local header is that of c"), std::string::npos);
  EXPECT_NE(broken(kLocal, 14, le(1, 4)).find(contradicts), std::string::npos);  // CRC
  EXPECT_NE(broken(kLocal, 22, le(2, 4)).find(contradicts), std::string::npos);  // size
  EXPECT_NE(broken(kLocal, 8, le(8, 2)).find(contradicts), std::string::npos);   // method
  EXPECT_NE(broken(kLocal, 6, le(1, 2)).find("encryption"), std::string::npos);
  // The second entry of the directory points at the first entry's bytes.
  EXPECT_NE(broken(kCentral, 42, le(0, 4), 1).find("its local header is that of a"),
            std::string::npos);
  EXPECT_NE(broken(kCentral, 42, le(0x7fffffff, 4)).find("after the end of the entries"),
            std::string::npos);
  EXPECT_NE(broken(kCentral, 42, le(1, 4)).find("no entry at byte 1"), std::string::npos);
  EXPECT_NE(broken(kCentral, 20, le(2, 4)).find("takes 2 bytes for 3"), std::string::npos);
  EXPECT_NE(broken(kCentral, 28, le(0xffff, 2)).find("no entry (cut short?)"), std::string::npos);
  EXPECT_NE(broken(kEnd64, 32, le(uint64_t{1} << 61, 8)), "");
  EXPECT_NE(broken(kEnd64, 48, le(~uint64_t{0} - 99, 8)), "");
  EXPECT_NE(broken(kLocator, 8, le(uint64_t{1} << 62, 8)).find("zip64 end record is said to be at"),
            std::string::npos);
  EXPECT_NE(broken(kEnd, 10, le(1, 2)).find("contradicts the zip64 end record"), std::string::npos);
}

TEST(ZipReader, RefusesOverlap) {
  // The data of `a` hold a whole entry `b`, which the directory lists as well.
  const std::string inner = le(kLocal, 4) + le(0, 10) + le(0, 12) + le(1, 2) + le(0, 2) + "b";
  std::string zip = zip_bytes({{"a", inner, 0}, {"b", "", 0}});
  const size_t data = zip.find(inner);
  poke(&zip, kCentral, 42, le(data, 4), 1);
  EXPECT_EQ(zip_error(zip), "m.bin: zip archive: entry b: overlaps entry a");
}

// An entry whose sizes and offset are in zip64 fields, as archives above 4 GiB have them.
TEST(ZipReader, ReadsZip64Fields) {
  const auto archive = [](uint64_t size, const std::string& extra) {
    const std::string local = le(kLocal, 4) + le(0, 10) + le(0x8587d865, 4) + le(0xffffffff, 4) +
                              le(0xffffffff, 4) + le(1, 2) + le(20, 2) + "a" + le(1, 2) +
                              le(16, 2) + le(size, 8) + le(size, 8) + "abcde";
    const std::string central = le(kCentral, 4) + le(0, 12) + le(0x8587d865, 4) +
                                le(0xffffffff, 4) + le(0xffffffff, 4) + le(1, 2) +
                                le(extra.size(), 2) + le(0, 10) + le(0xffffffff, 4) + "a" + extra;
    return local + central + le(kEnd, 4) + le(0, 4) + le(1, 2) + le(1, 2) + le(central.size(), 4) +
           le(local.size(), 4) + le(0, 2);
  };
  const auto field = [](uint64_t size) {
    return le(0x7777, 2) + le(1, 2) + "x" + le(1, 2) + le(24, 2) + le(size, 8) + le(size, 8) +
           le(0, 8);
  };
  const std::string zip = archive(5, field(5));
  EXPECT_EQ(zip_error(zip), "");
  const ZipArchive parsed = parse_zip(test::as_bytes(zip), "m.bin");
  EXPECT_EQ(as_text(parsed.entries[0].data), "abcde");
  EXPECT_EQ(error_of(ErrorKind::model, [&] { check_crc(parsed.entries[0], "m.bin"); }), "");
  EXPECT_NE(zip_error(archive(uint64_t{1} << 60, field(uint64_t{1} << 60))).find("is said to have"),
            std::string::npos);
  EXPECT_NE(zip_error(archive(5, "")).find("a zip64 field that is not there"), std::string::npos);
  EXPECT_NE(zip_error(archive(5, le(1, 2) + le(8, 2) + le(5, 8))).find("zip64 field is too short"),
            std::string::npos);
  EXPECT_NE(zip_error(archive(5, le(1, 2) + le(24, 2) + le(5, 8))).find("is not there"),
            std::string::npos);
}

}  // namespace
}  // namespace costeff::checkpoint
