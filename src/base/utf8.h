#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace costeff {

inline constexpr uint32_t kReplacement = 0xFFFD;

// Decodes the code point at text[*at] and moves *at past it. Bytes that are not UTF-8 give U+FFFD,
// one for each maximal valid prefix, as Python's errors="replace" and the WHATWG decoder do:
// E4 B8 'x' is one, ED A0 80 is three, C0 80 is two. *bad is then set to true, otherwise left
// alone. *at < text.size() is required.
uint32_t next_code_point(std::string_view text, size_t* at, bool* bad);

void append_utf8(uint32_t code_point, std::string* out);

bool is_utf8(std::string_view text);

// For messages: control characters and bytes that are not UTF-8 become \n, \t or \xNN; a text longer
// than max_bytes ends in "...".
std::string printable(std::string_view text, size_t max_bytes = 2000);

}  // namespace costeff
