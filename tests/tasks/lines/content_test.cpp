// What is refused by its first bytes, and what is not.

#include "tasks/lines/content.h"

#include <gtest/gtest.h>

#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

using namespace std::string_literals;

struct Refused {
  std::string bytes;
  const char* what;  // in the one line
  const char* cure;
};

// "hi\nyou\n" and the like, a byte and `zeros` NULs for each.
std::string wide(const std::string& text, size_t zeros, bool low_first) {
  std::string out;
  for (const char c : text) {
    if (low_first) out += c;
    out.append(zeros, '\0');
    if (!low_first) out += c;
  }
  return out;
}

const std::vector<Refused>& refused() {
  static const std::vector<Refused> all = {
      {"\xFD"
       "7zXZ\0\0\x04"s,
       "xz", "xz -d"},
      {"BZh91AY&SYxyz", "bzip2", "bzip2 -d"},
      {"\x04\x22\x4D\x18xx", "lz4", "lz4 -d"},
      {"\x1F\x9D\x90xx", "compress", "zcat"},
      {"PK\x03\x04\x14\0\0\0"s, "zip archive", "unzip"},
      {"PK\x03\x04\x14\0\x06\0"s + std::string(22, 'x') + "[Content_Types].xml", "Excel", "CSV"},
      {"PK\x03\x04\x14\0\0\0"s + std::string(22, 'x') +
           "mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
       "OpenDocument", "CSV"},
      {"7z\xBC\xAF\x27\x1C\0\x04"s, "7z", "unpack"},
      {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0"s, "Office", "CSV"},
      {"PAR1\x15\x04\x15\x10"s, "Parquet", "read_parquet"},
      {"ARROW1\0\0\xFF\xFF"s, "Arrow", "read_feather"},
      {"FEA1\0\0\0\0"s, "Feather", "read_feather"},
      {"ORC\n\x1C\n\x04"s, "ORC", "read_orc"},
      {"SQLite format 3\0\x10\0"s, "SQLite", "sqlite3"},
      {"Obj\x01\x04\x16"s, "Avro", "JSON Lines"},
      {"%PDF-1.7\n%\xE2\xE3"s, "PDF", "pdftotext"},
      {"{\\rtf1\\ansi", "RTF", "plain text"},
      {"a.txt" + std::string(252, '\0') + "ustar\0"s + "00", "tar", "tar -xf"},
      {"\xFF\xFEh\0i\0\n\0"s, "UTF-16", "iconv -f UTF-16 "},
      {"\xFE\xFF\0h\0i\0\n"s, "UTF-16", "iconv -f UTF-16 "},
      {"\xFF\xFE\0\0h\0\0\0"s, "UTF-32", "iconv -f UTF-32 "},
      {"\0\0\xFE\xFF\0\0\0h"s, "UTF-32", "iconv -f UTF-32 "},
      {wide("text\tlabel\na good film\t1\n", 1, true), "UTF-16LE", "iconv -f UTF-16LE "},
      {wide("text\tlabel\na good film\t1\n", 1, false), "UTF-16BE", "iconv -f UTF-16BE "},
      {wide("a good film\n", 3, true), "UTF-32LE", "iconv -f UTF-32LE "},
      {wide("a good film\n", 3, false), "UTF-32BE", "iconv -f UTF-32BE "},
      {wide("hi", 1, true), "UTF-16LE", "iconv"},
      // Cyrillic: the blanks alone have NULs.
      {"\x3D\x04\x35\x04\x20\0\x3F\x04\x3B\x04\x3E\x04\x45\x04\x3E\x04\x20\0\x1D\x04\n\0"s,
       "UTF-16LE", "iconv"},
  };
  return all;
}

TEST(Content, RefusedInOneLineWithTheCure) {
  for (const Refused& c : refused()) {
    SCOPED_TRACE(c.what);
    for (const InputFormat format : {InputFormat::automatic, InputFormat::text, InputFormat::tsv,
                                     InputFormat::csv, InputFormat::jsonl}) {
      InputOptions options;
      options.format = format;
      const ReadRows read = read_bytes("in.data", c.bytes, options);
      EXPECT_EQ(read.kind, ErrorKind::input);
      EXPECT_TRUE(read.rows.empty());
      EXPECT_EQ(read.error.find("in.data: is "), 0u) << read.error;
      EXPECT_NE(read.error.find(c.what), std::string::npos) << read.error;
      EXPECT_NE(read.error.find(c.cure), std::string::npos) << read.error;
      EXPECT_EQ(read.error.find('\n'), std::string::npos);
    }
  }
}

// However the bytes come in, the same is found.
TEST(Content, RefusedByteByByte) {
  for (const Refused& c : refused()) {
    const std::string whole = read_bytes("x", c.bytes).error;
    if (whole.find("tar") != std::string::npos || whole.find("Office") != std::string::npos ||
        whole.find("OpenDocument") != std::string::npos || whole.find("Excel") != std::string::npos)
      continue;                             // they are told by what comes far after the first bytes
    if (c.bytes.starts_with("\x3D\x04") ||  // letters of UTF-16 without a NUL
        c.bytes.starts_with("PAR1") || c.bytes.starts_with("FEA1") || c.bytes.starts_with("ORC"))
      continue;  // the bytes after these tell
    EXPECT_EQ(read_bytes("x", c.bytes, {}, 1).error, whole);
  }
}

TEST(Content, TextsThatBeginAlike) {
  for (const std::string& text :
       {"PARIS is lovely\nPAR1 is a score\n"s, "PAR1 or par 2?\n"s, "ORC\narmies\n"s, "Order it\n"s,
        "BZh is no word\n"s, "BZh9 neither\n"s, "SQLite format 3 is stable\n"s,
        "PK is short for primary key\n"s, "P\n"s, "%PDF is a format\n"s, "FEA1 or FEA2\n"s,
        "Obj 1\n"s, "7z is good\n"s, "ARROW1 points up\n"s, "a\0b\nc d e f g h i j k l m n\n"s,
        "\0\1\2\3\4\5\6\7\x8\x9 and so on\n"s, "\n\n\n"s, "{\\r no\n"s, "h\xC3\xA9\n"s}) {
    const ReadRows read = read_bytes("in.txt", text);
    EXPECT_EQ(read.error, "") << text;
    EXPECT_EQ(static_cast<long>(read.rows.size()), std::count(text.begin(), text.end(), '\n'));
    EXPECT_EQ(texts(read_bytes("in.txt", text, {}, 1)), texts(read));
  }
}

TEST(Content, LinesDoNotWaitForMore) {
  for (const std::string& line : {"P\n"s, "ORC\n"s, "BZh\n"s, "a\n"s, "%PDF\n"s, "\n"s}) {
    EXPECT_FALSE(look_at(line, false, "x").unsure) << line;
  }
  EXPECT_TRUE(look_at("", false, "x").unsure);
  EXPECT_FALSE(look_at("", true, "x").unsure);
  EXPECT_TRUE(look_at("\x1F\x8B", false, "x").unsure);
  EXPECT_EQ(look_at("\x1F\x8B\x08", false, "x").packing, Packing::gzip);
  EXPECT_EQ(look_at("\x28\xB5\x2F\xFD", false, "x").packing, Packing::zstd);
}

TEST(Content, PathsWithoutPacking) {
  EXPECT_EQ(without_packing("a/in.jsonl.gz"), "a/in.jsonl");
  EXPECT_EQ(without_packing("in.tsv.ZST"), "in.tsv");
  EXPECT_EQ(without_packing("in.csv.zstd"), "in.csv");
  EXPECT_EQ(without_packing("in.csv.gzip"), "in.csv");
  EXPECT_EQ(without_packing("in.csv"), "in.csv");
  EXPECT_EQ(without_packing("gz"), "gz");
  EXPECT_EQ(without_packing(""), "");
  EXPECT_EQ(format_of_path("dev.tsv.gz", false), InputFormat::tsv);
  EXPECT_EQ(format_of_path("in.json.zst", false), InputFormat::jsonl);
  EXPECT_EQ(format_of_path("reviews.gz", false), InputFormat::text);
}

}  // namespace
}  // namespace costeff::tasks
