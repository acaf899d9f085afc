#pragma once

// A text made valid: bytes that are not UTF-8 become U+FFFD, as everywhere in this room.

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace costeff::text {

// is_utf8() for texts that are mostly ASCII.
bool is_utf8_fast(std::string_view text);

// Writes the text with U+FFFD (base/utf8.h) for bad bytes to `out`; source[i]: the bytes of `text`
// that byte i of `out` comes from.
void decode_bad_utf8(std::string_view text, std::string* out, std::vector<Span>* source);

// Spans that point into a derived text, made to point into the text it comes from. source: of each
// byte.
void map_spans(const std::vector<Span>& source, size_t first, std::vector<Span>* spans);

}  // namespace costeff::text
