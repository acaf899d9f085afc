#include "checkpoint/containers/zip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <numeric>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/format.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50, kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50, kEnd64LocatorSignature = 0x07064b50;
constexpr uint64_t kEndSize = 22, kEnd64LocatorSize = 20, kCentralSize = 46;
constexpr uint16_t kFlagEncrypted = 1 << 0, kFlagDescriptor = 1 << 3,
                   kFlagStrongEncryption = 1 << 6;
constexpr uint16_t kZip64Extra = 1;
constexpr uint32_t kIn64 = 0xFFFFFFFF;       // the true value is in the zip64 field
constexpr uint64_t kMaxEntries = 1'000'000;  // a state dict has one for each storage

struct Directory {
  uint64_t offset = 0, size = 0, entries = 0;
};

// A record of the directory, or the same parts of a local header.
struct Record {
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t compressed = 0, size = 0, offset = 0;
  std::span<const std::byte> name;
};

struct Parser {
  std::span<const std::byte> bytes;
  const std::string& file;

  [[noreturn]] void bad(const std::string& what) const {
    fail_model("{}: zip archive: {}", file, what);
  }
  [[noreturn]] void bad_entry(std::string_view name, const std::string& what) const {
    bad(fmt::format("entry {}: {}", printable(name, 200), what));
  }

  // The end record is at the very end, before a comment whose length it holds.
  uint64_t find_end() const {
    const uint64_t size = bytes.size();
    const uint64_t lowest = size > kEndSize + 0xFFFF ? size - kEndSize - 0xFFFF : 0;
    for (uint64_t at = size < kEndSize ? 0 : size - kEndSize + 1; at-- > lowest;) {
      ByteReader r(bytes, at);
      uint32_t signature = 0;
      uint16_t comment = 0;
      r.get(&signature);
      if (signature != kEndSignature) continue;
      r.skip(16);
      if (r.get(&comment) && comment == r.remaining()) return at;
    }
    bad("there is no end record, expected one in the last bytes (cut short?)");
  }

  Directory find_directory() const {
    const uint64_t end = find_end();
    ByteReader r(bytes, end + 4);
    uint16_t disk = 0, directory_disk = 0, entries_here = 0, entries = 0;
    uint32_t size = 0, offset = 0;
    r.get(&disk), r.get(&directory_disk), r.get(&entries_here), r.get(&entries);
    r.get(&size), r.get(&offset);
    Directory d{offset, size, entries};
    uint64_t limit = end;
    uint32_t signature = 0;
    if (end >= kEnd64LocatorSize && ByteReader(bytes, end - kEnd64LocatorSize).get(&signature) &&
        signature == kEnd64LocatorSignature) {
      limit = read_end64(end - kEnd64LocatorSize, &d);
      if ((entries != 0xFFFF && entries != d.entries) || (size != kIn64 && size != d.size) ||
          (offset != kIn64 && offset != d.offset)) {
        bad("the end record contradicts the zip64 end record");
      }
    } else if (entries == 0xFFFF || size == kIn64 || offset == kIn64) {
      bad("the end record refers to a zip64 record that is not there");
    } else if (disk != 0 || directory_disk != 0 || entries_here != entries) {
      bad("it has several volumes");
    }
    if (d.offset > limit || d.size > limit - d.offset) {
      bad(fmt::format(
          "the directory is said to have {} bytes at {}, but the end records begin at {}", d.size,
          d.offset, limit));
    }
    if (d.entries > kMaxEntries || d.entries > d.size / kCentralSize) {
      bad(fmt::format("the directory is said to have {} entries in {} bytes", d.entries, d.size));
    }
    return d;
  }

  // Returns where the zip64 end record begins.
  uint64_t read_end64(uint64_t locator, Directory* d) const {
    ByteReader r(bytes, locator + 4);
    uint32_t disk = 0, signature = 0;
    uint64_t at = 0, record_size = 0;
    r.get(&disk), r.get(&at);
    if (at > locator) {
      bad(fmt::format("the zip64 end record is said to be at {} of {} bytes", at, bytes.size()));
    }
    ByteReader e(bytes, at);
    uint32_t directory_disk = 0;
    uint64_t entries_here = 0;
    if (!e.get(&signature) || signature != kEnd64Signature || !e.get(&record_size) || !e.skip(4) ||
        !e.get(&disk) || !e.get(&directory_disk) || !e.get(&entries_here) || !e.get(&d->entries) ||
        !e.get(&d->size) || !e.get(&d->offset) || e.position() > locator) {
      bad(fmt::format("there is no zip64 end record at byte {}", at));
    }
    if (disk != 0 || directory_disk != 0 || entries_here != d->entries)
      bad("it has several volumes");
    return at;
  }

  // Reads the values that did not fit the 32-bit fields, in the format's order.
  void read_zip64(std::span<const std::byte> extra, std::initializer_list<uint64_t*> wanted,
                  std::string_view name) const {
    if (std::none_of(wanted.begin(), wanted.end(), [](uint64_t* v) { return *v == kIn64; })) return;
    ByteReader r(extra);
    while (r.remaining() > 0) {
      uint16_t id = 0, size = 0;
      std::span<const std::byte> field;
      if (!r.get(&id) || !r.get(&size) || !r.get_bytes(size, &field)) break;
      if (id != kZip64Extra) continue;
      ByteReader f(field);
      for (uint64_t* v : wanted) {
        if (*v == kIn64 && !f.get(v)) bad_entry(name, "its zip64 field is too short");
      }
      return;
    }
    bad_entry(name, "its size is in a zip64 field that is not there");
  }

  Record read_central(ByteReader* r) const {
    Record c;
    uint32_t signature = 0, compressed = 0, size = 0, offset = 0;
    uint16_t name_size = 0, extra_size = 0, comment_size = 0, disk = 0;
    std::span<const std::byte> extra;
    const uint64_t at = r->position();
    if (!r->get(&signature) || signature != kCentralSignature || !r->skip(4) || !r->get(&c.flags) ||
        !r->get(&c.method) || !r->skip(4) || !r->get(&c.crc) || !r->get(&compressed) ||
        !r->get(&size) || !r->get(&name_size) || !r->get(&extra_size) || !r->get(&comment_size) ||
        !r->get(&disk) || !r->skip(6) || !r->get(&offset) || !r->get_bytes(name_size, &c.name) ||
        !r->get_bytes(extra_size, &extra) || !r->skip(comment_size)) {
      bad(fmt::format("byte {} of the directory is no entry (cut short?)", at));
    }
    c.compressed = compressed, c.size = size, c.offset = offset;
    read_zip64(extra, {&c.size, &c.compressed, &c.offset}, as_text(c.name));
    if (disk != 0 && disk != 0xFFFF) bad("it has several volumes");
    return c;
  }

  // Returns the bytes of the entry. The local header must agree with the directory, as readers differ
  // in which of the two they use. With a data descriptor its CRC and sizes may be 0.
  std::span<const std::byte> read_local(const Record& c, uint64_t end) const {
    const std::string_view name = as_text(c.name);
    ByteReader r(bytes.first(end));
    Record l;
    uint32_t signature = 0, compressed = 0, size = 0;
    uint16_t name_size = 0, extra_size = 0;
    std::span<const std::byte> extra, data;
    if (!r.seek(c.offset)) {
      bad_entry(name, fmt::format("is said to be at byte {}, after the end of the entries at {}",
                                  c.offset, end));
    }
    if (!r.get(&signature) || signature != kLocalSignature || !r.skip(2) || !r.get(&l.flags) ||
        !r.get(&l.method) || !r.skip(4) || !r.get(&l.crc) || !r.get(&compressed) || !r.get(&size) ||
        !r.get(&name_size) || !r.get(&extra_size) || !r.get_bytes(name_size, &l.name) ||
        !r.get_bytes(extra_size, &extra)) {
      bad_entry(name, fmt::format("there is no entry at byte {}", c.offset));
    }
    l.compressed = compressed, l.size = size;
    read_zip64(extra, {&l.size, &l.compressed}, name);
    if (as_text(l.name) != name) {
      bad_entry(name,
                fmt::format("its local header is that of {}", printable(as_text(l.name), 200)));
    }
    if ((l.flags ^ c.flags) & (kFlagEncrypted | kFlagStrongEncryption)) {
      bad_entry(name, "its local header contradicts the directory (encryption)");
    }
    const bool later = l.flags & kFlagDescriptor;
    const auto agree = [&](uint64_t local, uint64_t central) {
      return local == central || (later && local == 0);
    };
    if (l.method != c.method || !agree(l.crc, c.crc) || !agree(l.size, c.size) ||
        !agree(l.compressed, c.compressed)) {
      bad_entry(name, "its local header contradicts the directory (method, CRC or size)");
    }
    const uint64_t begin = r.position();
    if (!r.get_bytes(c.size, &data)) {
      bad_entry(name, fmt::format("is said to have {} bytes at {}, but the entries end at {}",
                                  c.size, begin, end));
    }
    return data;
  }

  ZipArchive parse() const {
    const Directory d = find_directory();
    if (d.entries == 0) bad("it has no entries");
    ByteReader r(bytes.first(d.offset + d.size), d.offset);
    ZipArchive archive;
    struct Extent {
      uint64_t begin, end;
      std::string_view name;
    };
    std::vector<Extent> extents;
    for (uint64_t i = 0; i < d.entries; ++i) {
      const Record c = read_central(&r);
      const std::string_view name = as_text(c.name);
      if (c.flags & (kFlagEncrypted | kFlagStrongEncryption)) bad_entry(name, "is encrypted");
      if (c.method != 0) {
        bad_entry(name,
                  fmt::format("is compressed (method {}), expected stored, as torch.save writes",
                              c.method));
      }
      if (c.compressed != c.size) {
        bad_entry(name, fmt::format("is stored, but takes {} bytes for {}", c.compressed, c.size));
      }
      const std::span<const std::byte> data = read_local(c, d.offset);
      const auto end = static_cast<uint64_t>(data.data() - bytes.data()) + data.size();
      extents.push_back({c.offset, end, name});
      if (!archive.by_name.emplace(name, archive.entries.size()).second) {
        bad_entry(name, "is there twice (duplicate)");
      }
      archive.entries.push_back({.name = name, .data = data, .crc32 = c.crc});
    }
    if (r.remaining() != 0) bad("the directory has bytes after its last entry");
    archive.has_crcs = std::any_of(archive.entries.begin(), archive.entries.end(),
                                   [](const ZipEntry& e) { return e.crc32 != 0; });
    for (ZipEntry& e : archive.entries) e.has_crc = archive.has_crcs;
    std::sort(extents.begin(), extents.end(),
              [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
    for (size_t i = 1; i < extents.size(); ++i) {
      if (extents[i].begin < extents[i - 1].end) {
        bad_entry(extents[i].name,
                  fmt::format("overlaps entry {}", printable(extents[i - 1].name, 200)));
      }
    }
    return archive;
  }
};

}  // namespace

ZipArchive parse_zip(std::span<const std::byte> bytes, const std::string& file) {
  return Parser{bytes, file}.parse();
}

void check_crc(const ZipEntry& entry, const std::string& file) {
  if (!entry.has_crc) return;
  const auto found = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(entry.data.data()), entry.data.size()));
  if (found == entry.crc32) return;
  fail_model("{}: entry {}: CRC-32 is {:08x}, expected {:08x}: the file is damaged", file,
             printable(entry.name, 200), found, entry.crc32);
}

}  // namespace costeff::checkpoint
