#include "tasks/lines/content.h"

#include <algorithm>
#include <array>

#include "base/fail.h"
#include "base/parse.h"

namespace costeff::tasks {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  Packing packing = Packing::none;
  // For what is refused: what it is, and what to do about it.
  const char* what = nullptr;
  const char* cure = nullptr;
  // A text could begin with these bytes too: they count if a byte that no text has follows them.
  bool weak = false;
};

constexpr const char* kSaveAsCsv = "save it as CSV in UTF-8";
constexpr const char* kUnpack = "unpack it first";

// Sources: the formats' specifications; the list of signatures in file(1).
constexpr std::array<Magic, 35> kMagics{{
    {.bytes = "\x1F\x8B\x08", .packing = Packing::gzip},
    {.bytes = "\x28\xB5\x2F\xFD", .packing = Packing::zstd},
    // Frames to be skipped, 0x184D2A50 to 0x184D2A5F: pzstd writes one first.
    {.bytes = "\x50\x2A\x4D\x18", .packing = Packing::zstd},
    {.bytes = "\x5E\x2A\x4D\x18", .packing = Packing::zstd},
    {.bytes = "\xFD"
              "7zXZ\0"sv,
     .what = "compressed with xz",
     .cure = "unpack it first (xz -d)"},
    {.bytes = "BZh"
              "91AY&SY",
     .what = "compressed with bzip2",
     .cure = "unpack it first (bzip2 -d)"},
    {.bytes = "BZh"
              "11AY&SY",
     .what = "compressed with bzip2",
     .cure = "unpack it first (bzip2 -d)"},
    {.bytes = "\x04\x22\x4D\x18",
     .what = "compressed with lz4",
     .cure = "unpack it first (lz4 -d)"},
    {.bytes = "\x1F\x9D", .what = "compressed with compress", .cure = "unpack it first (zcat)"},
    {.bytes = "LZIP\x01", .what = "compressed with lzip", .cure = "unpack it first (lzip -d)"},
    {.bytes = "PK\x03\x04", .what = "a zip archive", .cure = "unpack it first (unzip)"},
    {.bytes = "PK\x05\x06", .what = "an empty zip archive", .cure = "give a file of texts"},
    {.bytes = "PK\x07\x08", .what = "a zip archive", .cure = "unpack it first (unzip)"},
    {.bytes = "7z\xBC\xAF\x27\x1C", .what = "a 7z archive", .cure = kUnpack},
    {.bytes = "Rar!\x1A\x07", .what = "a rar archive", .cure = kUnpack},
    {.bytes = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
     .what = "an old Office file (.xls, .doc)",
     .cure = kSaveAsCsv},
    {.bytes = "PAR1",
     .what = "a Parquet file",
     .cure = "write it as JSON Lines (pandas: read_parquet(FILE).to_json(OUT, orient=\"records\", "
             "lines=True))",
     .weak = true},
    {.bytes = "PARE", .what = "an encrypted Parquet file", .cure = kSaveAsCsv, .weak = true},
    {.bytes = "ARROW1\0\0"sv,
     .what = "an Arrow or Feather file",
     .cure = "write it as JSON Lines (pandas: read_feather(FILE).to_json(OUT, orient=\"records\", "
             "lines=True))"},
    {.bytes = "\xFF\xFF\xFF\xFF",
     .what = "an Arrow stream",
     .cure = "write it as JSON Lines (pandas: to_json(OUT, orient=\"records\", lines=True))"},
    {.bytes = "FEA1",
     .what = "a Feather file",
     .cure = "write it as JSON Lines (pandas: read_feather(FILE).to_json(OUT, orient=\"records\", "
             "lines=True))",
     .weak = true},
    {.bytes = "ORC",
     .what = "an ORC file",
     .cure = "write it as JSON Lines (pandas: read_orc(FILE).to_json(OUT, orient=\"records\", "
             "lines=True))",
     .weak = true},
    {.bytes = "Obj\x01", .what = "an Avro file", .cure = "write it as JSON Lines (avro-tools)"},
    {.bytes = "SQLite format 3\0"sv,
     .what = "an SQLite database",
     .cure = "write a table of it as CSV (sqlite3 -csv -header FILE \"select ...\")"},
    {.bytes = "\x89HDF\r\n\x1A\n", .what = "an HDF5 file", .cure = "write it as JSON Lines"},
    {.bytes = "\x93NUMPY", .what = "a NumPy array", .cure = "write its texts as JSON Lines"},
    {.bytes = "%PDF-", .what = "a PDF document", .cure = "extract its text first (pdftotext)"},
    {.bytes = "{\\rtf", .what = "an RTF document", .cure = "save it as plain text in UTF-8"},
    {.bytes = "\xFF\xFE\0\0"sv,
     .what = "text in UTF-32",
     .cure = "convert it first (iconv -f UTF-32 -t UTF-8)"},
    {.bytes = "\0\0\xFE\xFF"sv,
     .what = "text in UTF-32",
     .cure = "convert it first (iconv -f UTF-32 -t UTF-8)"},
    {.bytes = "\xFF\xFE",
     .what = "text in UTF-16",
     .cure = "convert it first (iconv -f UTF-16 -t UTF-8)"},
    {.bytes = "\xFE\xFF",
     .what = "text in UTF-16",
     .cure = "convert it first (iconv -f UTF-16 -t UTF-8)"},
    {.bytes = "\x89PNG\r\n\x1A\n", .what = "an image", .cure = "give a file of texts"},
    {.bytes = "\xFF\xD8\xFF", .what = "an image", .cure = "give a file of texts"},
    {.bytes = "\x80\x04\x95", .what = "a Python pickle", .cure = "write it as JSON Lines"},
}};

[[noreturn]] void refuse(std::string_view name, std::string_view what, std::string_view cure) {
  fail_input("{}: is {}, expected text, TSV, CSV or JSON Lines; {}", name, what, cure);
}

// A control character that does not occur in text.
bool is_binary(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 && (byte < '\t' || byte > '\r') && byte != 0x1B;
}

// Office files are zip archives; the names of their parts tell which kind it is.
const Magic* office_file(std::string_view head) {
  static constexpr Magic kOffice{
      .bytes = "", .what = "an Excel workbook or another Office file", .cure = kSaveAsCsv};
  static constexpr Magic kOpenDocument{
      .bytes = "", .what = "an OpenDocument file", .cure = kSaveAsCsv};
  const std::string_view begin = head.substr(0, 4096);
  if (begin.find("mimetypeapplication/vnd.oasis") != std::string_view::npos) return &kOpenDocument;
  for (const std::string_view part : {"[Content_Types].xml", "_rels/.rels", "xl/", "docProps/"}) {
    if (begin.find(part) != std::string_view::npos) return &kOffice;
  }
  return nullptr;
}

// The encoding of text without a byte order mark. In UTF-16 and UTF-32, ASCII letters, and blanks
// and line ends in all scripts, are a byte and one or three NULs. "": it is neither of the two.
struct Encoding {
  const char* name = "";
  bool unsure = false;
};
Encoding wide_encoding(std::string_view head, bool complete) {
  constexpr size_t kSample = 4096, kEnough = 64;
  const std::string_view sample = head.substr(0, std::min(head.size(), kSample) / 4 * 4);
  std::array<size_t, 4> nuls{};  // by their place in each group of four bytes
  for (size_t i = 0; i < sample.size(); ++i) nuls[i % 4] += sample[i] == '\0';
  const size_t all = nuls[0] + nuls[1] + nuls[2] + nuls[3], groups = sample.size() / 4;
  // Fewer than four bytes of UTF-16 are a single letter.
  if (all == 0) {
    const bool odd = !complete && head.size() < 4 && head.find('\0') != std::string_view::npos;
    return {"", odd};
  }
  const size_t even = nuls[0] + nuls[2], odd = nuls[1] + nuls[3];
  const char* name = "";
  if (nuls[0] == 0 && nuls[2] == groups && nuls[3] == groups) name = "UTF-32LE";
  if (nuls[3] == 0 && nuls[0] == groups && nuls[1] == groups) name = "UTF-32BE";
  // A tenth is enough: in scripts other than Latin only blanks and line ends have NULs.
  if (!*name && all >= 2 && 10 * all >= 2 * groups) {
    if (even == 0) name = "UTF-16LE";
    if (odd == 0) name = "UTF-16BE";
  }
  if (*name && !complete && head.size() < kEnough) return {"", true};
  return {name, false};
}

}  // namespace

Content look_at(std::string_view head, bool complete, const std::string& name) {
  // A single byte may be half a letter in UTF-16. It makes no line either, unless it is a newline.
  if (head.empty() || (head.size() == 1 && head[0] != '\n')) {
    if (!complete) return {.unsure = true};
  }
  for (const Magic& m : kMagics) {
    if (!head.starts_with(m.bytes)) {
      if (!complete && head.size() < m.bytes.size() && m.bytes.starts_with(head)) {
        return {.unsure = true};
      }
      continue;
    }
    if (m.packing != Packing::none) return {.packing = m.packing};
    if (m.weak) {
      const std::string_view rest = head.substr(m.bytes.size(), 64);
      if (std::none_of(rest.begin(), rest.end(), is_binary)) continue;
    }
    const Magic* better = m.bytes.starts_with("PK") ? office_file(head) : nullptr;
    const Magic& found = better ? *better : m;
    refuse(name, found.what, found.cure);
  }
  if (head.size() > 262 && head.substr(257, 5) == "ustar") {
    refuse(name, "a tar archive", "unpack it first (tar -xf)");
  }
  const Encoding wide = wide_encoding(head, complete);
  if (*wide.name) {
    refuse(name, fmt::format("text in {}", wide.name),
           fmt::format("convert it first (iconv -f {} -t UTF-8)", wide.name));
  }
  return {.unsure = wide.unsure};
}

const char* packing_name(Packing packing) { return packing == Packing::zstd ? "zstd" : "gzip"; }

std::string_view without_packing(std::string_view path) {
  for (const std::string_view packed : {".gz", ".gzip", ".zst", ".zstd"}) {
    if (has_extension(path, packed)) return path.substr(0, path.size() - packed.size());
  }
  return path;
}

}  // namespace costeff::tasks
