#include "tasks/write/format_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/write/column_width.h"

namespace costeff::tasks {
namespace {

// Control characters, and those that change the order of letters on a terminal.
bool is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

// The code point at text[*at] as it is shown; *at moves past it.
uint32_t next_shown(std::string_view text, size_t* at) {
  bool bad = false;
  const uint32_t c = next_code_point(text, at, &bad);
  if (!is_control(c)) return c;
  return c == '\t' || c == '\n' || c == '\r' ? ' ' : kReplacement;
}

// The end of the characters from text[at] on that a JSON string holds without escapes.
size_t after_plain_json(std::string_view text, size_t at) {
  const auto is_plain = [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
  };
  while (at < text.size() && is_plain(text[at])) ++at;
  return at;
}

template <typename T, typename... Format>
void append_number(T value, std::string* out, Format... format) {
  char buffer[64];  // a fixed float has at most 39 digits before the point
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, format...);
  if (error == std::errc()) out->append(buffer, static_cast<size_t>(end - buffer));
}

}  // namespace

void append_int(int64_t value, std::string* out) { append_number(value, out); }
void append_float(float value, std::string* out) { append_number(value, out); }
void append_fixed(float value, int decimals, std::string* out) {
  append_number(value, out, std::chars_format::fixed, decimals);
}

std::string wrapped(std::string_view text, size_t width, size_t indent, size_t column) {
  std::string out;
  bool begun = false;  // the line has a word
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (begun && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (begun) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    begun = true;
    begin = end + 1;
  }
  return out + "\n";
}

std::string counted(int64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", grouped(n), n == 1 ? one : many);
}

std::string percent(double share, int decimals) {
  return fmt::format("{:.{}f}%", 100 * share, decimals);
}

std::string grouped(int64_t n) {
  std::string digits;
  append_int(n, &digits);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > (n < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
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
    const size_t plain_end = after_plain_json(text, at);
    out->append(text, at, plain_end - at);
    at = plain_end;
    if (at == text.size()) break;
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
        out->append("\\u00");
        out->push_back(kHex[byte >> 4]);
        out->push_back(kHex[byte & 15]);
    }
  }
  out->push_back('"');
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
  // Finds how much fits, and how much fits beside an ellipsis. Looks at no more of the text than
  // that.
  int64_t used = 0, used_cut = 0;
  size_t at = 0, cut = 0;
  while (at < text.size()) {
    size_t next = at;
    const int64_t w = column_width(next_shown(text, &next));
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
