#include "text/sentencepiece/spm_charsmap.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "base/files/file_bytes.h"
#include "base/utf8.h"

namespace costeff::text {
namespace {

constexpr int kMaxMatches = 31;         // the trainer's own limit; the library has 32 places
constexpr size_t kMaxBytes = 4u << 20;  // nmt_nfkc has 0.24 MB; checking takes 64 steps a byte
// The longest of Unicode's has 33 bytes (U+FDFA). The limit bounds how much a text can grow.
constexpr size_t kMaxReplacement = 256;

// Number i of the little-endian ones that the table begins with.
uint32_t number_at(std::string_view charsmap, size_t i) {
  uint32_t v = 0;
  ByteReader(std::as_bytes(std::span(charsmap)), 4 * i).get(&v);
  return v;
}

}  // namespace

std::vector<uint32_t> charsmap_units(std::string_view charsmap) {
  std::vector<uint32_t> units(number_at(charsmap, 0) / 4);
  for (size_t i = 0; i < units.size(); ++i) units[i] = number_at(charsmap, 1 + i);
  return units;
}

std::string check_charsmap(std::string_view charsmap) {
  if (charsmap.empty()) return {};  // the library takes it as "no normalisation"
  if (charsmap.size() < 8) return fmt::format("{} bytes, too short for a table", charsmap.size());
  if (charsmap.size() > kMaxBytes) {
    return fmt::format("{} bytes, expected at most {}", charsmap.size(), kMaxBytes);
  }
  const size_t trie_bytes = number_at(charsmap, 0);
  if (trie_bytes % 4 != 0 || trie_bytes == 0 || trie_bytes > charsmap.size() - 4) {
    return fmt::format("a trie of {} bytes in a table of {} bytes", trie_bytes, charsmap.size());
  }
  const std::string_view replacements = charsmap.substr(4 + trie_bytes);
  if (replacements.empty() || replacements.back() != '\0') return "its last replacement has no end";
  const std::vector<uint32_t> units = charsmap_units(charsmap);

  // Walks the part of the trie that can be reached, depth first. Nodes may share their children, so
  // the answer for each base is kept: 1 + the most values on a way down from it; 0: not seen yet.
  constexpr uint8_t kOpen = 0xFF;
  std::vector<uint8_t> below(units.size(), 0);
  struct Visit {
    uint32_t base;
    uint32_t child;  // next byte to look at
    uint8_t most;
  };
  std::vector<Visit> stack;
  std::string wrong;
  const auto open = [&](uint32_t base) {
    // The library may look at any of the 256 children.
    if (base >= units.size() || (base | 0xFF) >= units.size()) {
      wrong = fmt::format("its trie points at unit {} of {}", base | 0xFF, units.size());
      return false;
    }
    below[base] = kOpen;
    stack.push_back({base, 0, 0});
    return true;
  };
  if (!open(charsmap_offset(units[0]))) return wrong;
  while (!stack.empty()) {
    Visit& v = stack.back();
    if (v.child == 256) {
      below[v.base] = static_cast<uint8_t>(v.most + 1);
      stack.pop_back();
      continue;
    }
    const uint32_t byte = v.child;
    const uint32_t at = v.base ^ byte;
    const uint32_t unit = units[at];
    if (charsmap_label(unit) != byte) {
      ++v.child;
      continue;
    }
    const uint32_t base = at ^ charsmap_offset(unit);
    if (base < units.size() && below[base] == kOpen) return "its trie runs in a circle";
    if (base >= units.size() || below[base] == 0) {
      if (!open(base)) return wrong;
      continue;  // comes back to this byte with below[base] known
    }
    const int matches = charsmap_has_value(unit) + below[base] - 1;
    if (matches > kMaxMatches) {
      return fmt::format("more than {} of its entries begin alike", kMaxMatches);
    }
    v.most = std::max(v.most, static_cast<uint8_t>(matches));
    ++v.child;
    if (!charsmap_has_value(unit)) continue;
    const uint32_t value = units[base] & 0x7FFFFFFF;
    if (value >= replacements.size()) {
      return fmt::format("a replacement at byte {} of {}", value, replacements.size());
    }
    const std::string_view rest = replacements.substr(value, kMaxReplacement + 1);
    const size_t end = rest.find('\0');
    if (end == rest.npos)
      return fmt::format("a replacement of more than {} bytes", kMaxReplacement);
    if (!is_utf8(rest.substr(0, end))) return "a replacement that is not UTF-8";
  }
  return {};
}

}  // namespace costeff::text
