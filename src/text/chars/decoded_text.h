#pragma once

// A text made valid: bytes that are not UTF-8 become U+FFFD, as everywhere in this room.

#include <string>
#include <string_view>
#include <vector>

#include "text/chars/span.h"

namespace costeff::text {

// is_utf8() for texts that are mostly ASCII.
bool is_utf8_fast(std::string_view text);

// Writes the text with U+FFFD (base/utf8.h) for bad bytes to `out`; source[i]: the bytes of `text`
// that byte i of `out` comes from.
void decode_bad_utf8(std::string_view text, std::string* out, std::vector<Span>* source);

// Moves spans [first, ...) from a derived text to the text it comes from. source[i]: where byte i
// of the derived text comes from.
void map_spans(const std::vector<Span>& source, size_t first, std::vector<Span>* spans);

}  // namespace costeff::text
