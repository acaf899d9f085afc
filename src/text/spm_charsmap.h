#pragma once

#include <string>
#include <string_view>

namespace costeff::text {

// Checks a precompiled_charsmap, the table by which sentencepiece normalises: a little-endian
// uint32 size, a double-array trie of that many bytes (Darts-clone units of 4), NUL-terminated
// replacements. The library (0.1.97) follows the trie's offsets without looking at its bounds, and
// keeps the matches at one position in an array of 32. Returns what is wrong, or nothing.
std::string check_charsmap(std::string_view charsmap);

}  // namespace costeff::text
