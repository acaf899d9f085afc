#include "text/spm_charsmap.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/utf8.h"

namespace costeff::text {
namespace {

constexpr int kMaxMatches = 31;  // the trainer's own limit: below the 32 places the library has
constexpr size_t kMaxBytes = 4u << 20;  // nmt_nfkc has 0.24 MB; checking takes time 64 x bytes
// The longest of Unicode's is 33 bytes (U+FDFA). Bounded so that a text cannot grow without bound.
constexpr size_t kMaxReplacement = 256;

uint32_t little_endian(std::string_view bytes) {
  uint32_t v = 0;
  for (size_t i = 0; i < 4; ++i)
    v |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  return v;
}

}  // namespace

std::vector<uint32_t> charsmap_units(std::string_view charsmap) {
  std::vector<uint32_t> units(little_endian(charsmap) / 4);
  for (size_t i = 0; i < units.size(); ++i) units[i] = little_endian(charsmap.substr(4 + 4 * i));
  return units;
}

std::string check_charsmap(std::string_view charsmap) {
  if (charsmap.empty()) return {};  // the library takes it as "no normalisation"
  const auto bytes = [](size_t n) { return std::to_string(n) + " bytes"; };
  if (charsmap.size() < 8) return bytes(charsmap.size()) + ", too short for a table";
  if (charsmap.size() > kMaxBytes) {
    return bytes(charsmap.size()) + ", expected at most " + std::to_string(kMaxBytes);
  }
  const size_t trie_bytes = little_endian(charsmap);
  if (trie_bytes % 4 != 0 || trie_bytes == 0 || trie_bytes > charsmap.size() - 4) {
    return "a trie of " + bytes(trie_bytes) + " in a table of " + bytes(charsmap.size());
  }
  const std::string_view replacements = charsmap.substr(4 + trie_bytes);
  if (replacements.empty() || replacements.back() != '\0') return "its last replacement has no end";
  const std::vector<uint32_t> units = charsmap_units(charsmap);

  // The part of the trie that can be reached, depth first. Nodes may share their children, so what
  // is found below a base is kept: 1 + the most values on a way down from there, 0: not seen yet.
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
    // Any of the 256 children may be asked for.
    if (base >= units.size() || (base | 0xFF) >= units.size()) {
      wrong = "its trie points at unit " + std::to_string(base | 0xFF) + " of " +
              std::to_string(units.size());
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
      return "more than " + std::to_string(kMaxMatches) + " of its entries begin alike";
    }
    v.most = std::max(v.most, static_cast<uint8_t>(matches));
    ++v.child;
    if (!charsmap_has_value(unit)) continue;
    const uint32_t value = units[base] & 0x7FFFFFFF;
    if (value >= replacements.size()) {
      return "a replacement at byte " + std::to_string(value) + " of " +
             std::to_string(replacements.size());
    }
    const std::string_view rest = replacements.substr(value, kMaxReplacement + 1);
    const size_t end = rest.find('\0');
    if (end == rest.npos) return "a replacement of more than " + bytes(kMaxReplacement);
    if (!is_utf8(rest.substr(0, end))) return "a replacement that is not UTF-8";
  }
  return {};
}

}  // namespace costeff::text
