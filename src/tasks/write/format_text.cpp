#include "tasks/write/format_text.h"

#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "tasks/lines/row_id.h"

namespace costeff::tasks {
namespace {

// Control characters and what reorders a terminal's line.
bool is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

// Columns of a terminal. The usual blocks of Unicode's EastAsianWidth W and F, and combining marks.
int64_t cell_width(uint32_t c) {
  struct Range {
    uint32_t first, last;
  };
  static constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                                    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                                    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  if (c < 0x300) return 1;
  if (c <= 0x36F || (c >= 0xFE00 && c <= 0xFE0F)) return 0;
  for (const Range& r : kWide) {
    if (c >= r.first && c <= r.last) return 2;
  }
  return 1;
}

// The code point at text[*at] as it is shown.
uint32_t next_shown(std::string_view text, size_t* at) {
  bool bad = false;
  const uint32_t c = next_code_point(text, at, &bad);
  if (!is_control(c)) return c;
  return c == '\t' || c == '\n' || c == '\r' ? ' ' : kReplacement;
}

template <typename T, typename... Format>
void append_number(T value, std::string* out, Format... format) {
  char buffer[64];  // a fixed float has at most 39 digits before the point
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, format...);
  if (error == std::errc()) out->append(buffer, end);
}

}  // namespace

void append_int(int64_t value, std::string* out) { append_number(value, out); }
void append_float(float value, std::string* out) { append_number(value, out); }
void append_fixed(float value, int decimals, std::string* out) {
  append_number(value, out, std::chars_format::fixed, decimals);
}

void append_json_float(float value, std::string* out) {
  if (std::isfinite(value)) {
    append_float(value, out);
  } else {
    out->append("null");
  }
}

void append_json_string(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    if (byte >= 0x80) {
      bool bad = false;
      append_utf8(next_code_point(text, &at, &bad), out);
      continue;
    }
    ++at;
    switch (byte) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      default:
        if (byte < 0x20 || byte == 0x7F) {
          out->append("\\u00");
          out->push_back(kHex[byte >> 4]);
          out->push_back(kHex[byte & 15]);
        } else {
          out->push_back(static_cast<char>(byte));
        }
    }
  }
  out->push_back('"');
}

void append_stored_json(std::string_view stored, std::string* out) {
  if (is_text_id(stored)) {
    append_json_string(plain_id(stored), out);
  } else {
    out->append(stored.empty() ? "null" : stored);
  }
}

void append_tsv_field(std::string_view text, std::string* out) {
  for (char c : text) {
    switch (c) {
      case '\t':
        out->append("\\t");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\\':
        out->append("\\\\");
        break;
      default:
        out->push_back(c);
    }
  }
}

void append_csv_field(std::string_view text, std::string* out) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

void append_cell(std::string_view text, int64_t width, Align align, bool pad, std::string* out) {
  if (width <= 0) return;
  // How much fits, and how much fits beside an ellipsis; no more of the text is looked at than
  // that.
  int64_t used = 0, used_cut = 0;
  size_t at = 0, cut = 0;
  while (at < text.size()) {
    size_t next = at;
    const int64_t w = cell_width(next_shown(text, &next));
    if (used + w > width) break;
    used += w;
    at = next;
    if (used <= width - 1) {
      used_cut = used;
      cut = at;
    }
  }
  const bool fits = at == text.size();
  if (!fits) {
    at = cut;
    used = used_cut + 1;
  }
  const auto blanks = static_cast<size_t>(pad ? width - used : 0);
  if (align == Align::right) out->append(blanks, ' ');
  for (size_t i = 0; i < at;) append_utf8(next_shown(text, &i), out);
  if (!fits) out->append("\xE2\x80\xA6");
  if (align == Align::left) out->append(blanks, ' ');
}

}  // namespace costeff::tasks
