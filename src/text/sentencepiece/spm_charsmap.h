#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::text {

// Checks a precompiled_charsmap, the table by which sentencepiece normalises: a little-endian
// uint32 size, a double-array trie of this many bytes (Darts-clone units of 4), NUL-terminated
// replacements. The library (0.1.97) follows the trie's offsets without checking its bounds, and
// keeps the matches at one position in an array of 32. Returns what is wrong; empty: nothing.
std::string check_charsmap(std::string_view charsmap);

// The trie of a table that check_charsmap has passed. A walk begins at charsmap_offset(units[0]). A
// byte leads from `node` to node ^ byte, if the unit there has that label, and from there by its
// offset to the next node. If the unit before it says so, the unit at a node is a value: a place in
// the replacements (31 bits).
std::vector<uint32_t> charsmap_units(std::string_view charsmap);

// A unit of the double array. Bits 0..7 and 31: label, 8: it has a value, 9: the offset is in units
// of 256, 10..30: offset. The unit at a node's base itself is the value, with bit 31 set.
inline uint32_t charsmap_label(uint32_t unit) { return unit & 0x800000FF; }
inline bool charsmap_has_value(uint32_t unit) { return (unit >> 8 & 1) != 0; }
inline uint32_t charsmap_offset(uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

}  // namespace costeff::text
