#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace costeff::checkpoint {

// The subset of zip that torch.save writes: stored entries, zip64, sizes in data descriptors,
// padding in extra fields. Everything is a view of the archive's bytes.
struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> data;
  uint32_t crc32 = 0;   // from the directory; compared by check_crc
  bool has_crc = true;  // false: see ZipArchive
};

// torch.serialization.set_crc32_options(False) writes 0 for the CRC of every entry, in the headers,
// the descriptors and the directory. So an archive has no CRCs only if all of them are 0: a single 0
// among others is a wrong CRC.
struct ZipArchive {
  std::vector<ZipEntry> entries;  // in the directory's order
  bool has_crcs = true;
  std::unordered_map<std::string_view, size_t> by_name;

  const ZipEntry* find(std::string_view name) const {
    const auto it = by_name.find(name);
    return it == by_name.end() ? nullptr : &entries[it->second];
  }
};

// Throws Error(model) if the archive is cut short, has offsets or sizes outside the file, has entries
// that overlap, share a name, are compressed or encrypted, or has local headers that contradict the
// directory. Source: PKWARE APPNOTE.TXT 6.3.3, sections 4.3-4.5.
ZipArchive parse_zip(std::span<const std::byte> bytes, const std::string& file);

// Throws Error(model) if the entry's bytes do not have its CRC-32. An entry without one passes.
void check_crc(const ZipEntry& entry, const std::string& file);

}  // namespace costeff::checkpoint
