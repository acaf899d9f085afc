#include "text/tokens/trim_span.h"

#include <cstdint>
#include <utility>

#include "base/utf8.h"
#include "text/chars/char_tables.h"
#include "text/chars/utf8_bytes.h"

namespace costeff::text {
namespace {

constexpr uint32_t kByteLevelSpace = 0x120;  // U+0020 in a byte-level vocabulary

// The number of blanks at the beginning and at the end of a token.
std::pair<int64_t, int64_t> count_blanks(std::string_view spelling) {
  int64_t leading = 0, trailing = 0;
  bool bad = false, inside = false;
  for (size_t at = 0; at < spelling.size();) {
    const uint32_t c = next_code_point(spelling, &at, &bad);
    const bool blank = c == kByteLevelSpace || is_white_space(c);
    inside = inside || !blank;
    leading += !inside;
    trailing = blank ? trailing + 1 : 0;
  }
  return {leading, trailing};
}

bool is_inside_char(std::string_view text, int32_t at) {
  return is_continuation(text[static_cast<size_t>(at)]);
}

}  // namespace

Span trim_span(const TrimOptions& options, Span span, std::string_view spelling,
               std::string_view text, bool first) {
  if (!options.trim) return span;
  auto [leading, trailing] = count_blanks(spelling);
  if (leading == 1 && first && options.add_prefix_space) leading = 0;
  for (; leading > 0 && span.begin < span.end; --leading) {
    do ++span.begin;
    while (span.begin < span.end && is_inside_char(text, span.begin));
  }
  for (; trailing > 0 && span.end > span.begin; --trailing) {
    do --span.end;
    while (span.end > span.begin && is_inside_char(text, span.end));
  }
  return span;
}

}  // namespace costeff::text
