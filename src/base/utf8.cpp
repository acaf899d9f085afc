#include "base/utf8.h"

#include "base/format.h"

namespace costeff {

uint32_t next_code_point(std::string_view text, size_t* at, bool* bad) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte((*at)++);
  if (lead < 0x80) return lead;
  // Bounds of the second byte rule out overlong forms, surrogates and everything above U+10FFFF
  // (Unicode 15, table 3-7).
  int more = 0;
  uint8_t low = 0x80, high = 0xBF;
  uint32_t c = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    more = 1;
    c = lead & 0x1Fu;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    more = 2;
    c = lead & 0x0Fu;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    more = 3;
    c = lead & 0x07u;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    *bad = true;
    return kReplacement;
  }
  for (int i = 0; i < more; ++i) {
    if (*at >= text.size() || byte(*at) < low || byte(*at) > high) {
      *bad = true;
      return kReplacement;
    }
    c = (c << 6) | (byte((*at)++) & 0x3Fu);
    low = 0x80;
    high = 0xBF;
  }
  return c;
}

void append_utf8(uint32_t c, std::string* out) {
  const auto put = [&](uint32_t b) { out->push_back(static_cast<char>(b)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

bool is_utf8(std::string_view text) {
  bool bad = false;
  for (size_t at = 0; at < text.size() && !bad;) next_code_point(text, &at, &bad);
  return !bad;
}

std::string printable(std::string_view text, size_t max_bytes) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (out.size() >= max_bytes) return out + "...";
    const size_t start = at;
    bool bad = false;
    const uint32_t c = next_code_point(text, &at, &bad);
    // C0 and C1 controls move cursors, U+2028.. and the bidi controls reorder a terminal's line.
    const bool control = c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200E && c <= 0x200F) ||
                         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    if (!bad && !control) {
      out.append(text.substr(start, at - start));
      continue;
    }
    for (size_t i = start; i < at; ++i) {
      if (text[i] == '\n') {
        out += "\\n";
      } else if (text[i] == '\t') {
        out += "\\t";
      } else {
        append_format(&out, "\\x{:02x}", static_cast<uint8_t>(text[i]));
      }
    }
  }
  return out;
}

}  // namespace costeff
