#pragma once

// The sweeps of ../shared/tokenizer: every code point in two patterns, with a checksum for each
// block of 256.

#include <zlib.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "text/golden_rows.h"

namespace costeff::text {

// The ids of `pattern` with c for each {}, without the special tokens around them.
inline Ids swept_ids(const Tokenizer& tokenizer, const std::string& pattern, uint32_t c,
                     Encoding* scratch) {
  std::string text;
  for (size_t at = 0; at < pattern.size(); ++at) {
    if (pattern.compare(at, 2, "{}") == 0) {
      append_utf8(c, &text);
      ++at;
    } else {
      text.push_back(pattern[at]);
    }
  }
  tokenizer.encode(text, std::nullopt, {}, scratch);
  return {scratch->ids.begin() + 1, scratch->ids.end() - 1};
}

struct SweepRow {
  uint32_t first_block, last_block;
  std::vector<uint32_t> crc;  // [patterns]
  std::vector<std::pair<uint32_t, uint32_t>> slow_differs;

  bool differs(uint32_t c) const {
    for (const auto& [from, to] : slow_differs) {
      if (c >= from && c <= to) return true;
    }
    return false;
  }
};

inline uint32_t from_hex_number(const nlohmann::json& text) {
  return static_cast<uint32_t>(std::stoul(text.get<std::string>(), nullptr, 16));
}

inline SweepRow sweep_row(const nlohmann::json& row) {
  SweepRow r;
  r.first_block = from_hex_number(row["block"]);
  r.last_block = row.contains("to") ? from_hex_number(row["to"]) : r.first_block;
  for (const auto& crc : row["crc"]) r.crc.push_back(from_hex_number(crc));
  if (row.contains("slow_differs")) {
    for (const auto& range : row["slow_differs"]) {
      r.slow_differs.emplace_back(from_hex_number(range.front()), from_hex_number(range.back()));
    }
  }
  return r;
}

// CRC-32 over the block: for each code point the count of its ids, then the ids.
inline uint32_t block_crc(uint32_t block, const std::function<Ids(uint32_t)>& ids_of_code_point) {
  uLong crc = crc32(0, nullptr, 0);
  const auto feed = [&](uint32_t v) {
    const Bytef bytes[4] = {static_cast<Bytef>(v), static_cast<Bytef>(v >> 8),
                            static_cast<Bytef>(v >> 16), static_cast<Bytef>(v >> 24)};
    crc = crc32(crc, bytes, 4);
  };
  for (uint32_t c = block << 8; c <= ((block << 8) | 0xFF); ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    const Ids ids = ids_of_code_point(c);
    feed(static_cast<uint32_t>(ids.size()));
    for (const int32_t id : ids) feed(static_cast<uint32_t>(id));
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace costeff::text
