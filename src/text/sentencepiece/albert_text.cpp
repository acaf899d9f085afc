#include "text/sentencepiece/albert_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/utf8.h"
#include "text/chars/char_tables.h"
#include "text/chars/lower_runs.h"

namespace costeff::text {
namespace {

// Code points first .. first + count - 1 become `length` code points each, from kFoldPool[at] on.
struct Fold {
  uint32_t first;
  uint16_t count, length, at;
};
#include "text/sentencepiece/albert_tables.inc"

uint32_t lower(uint32_t c) { return lower_by_runs(kLowers, c); }

// Calls put(x) for each code point x of the compatibility decomposition of c, except the combining
// ones.
template <typename Put>
void fold(uint32_t c, Put&& put) {
  if (c < 0x80) return put(c);
  if (c >= kHangulFirst && c <= kHangulLast) {
    uint32_t jamo[3];
    const uint32_t n = split_hangul(c, jamo);
    for (uint32_t i = 0; i < n; ++i) put(jamo[i]);
    return;
  }
  const Fold* it = std::upper_bound(std::begin(kFolds), std::end(kFolds), c,
                                    [](uint32_t x, const Fold& f) { return x < f.first; });
  if (it == std::begin(kFolds) || c - (it - 1)->first >= (it - 1)->count) return put(c);
  --it;
  const uint32_t* at = kFoldPool + it->at + (c - it->first) * it->length;
  for (uint32_t i = 0; i < it->length; ++i) put(at[i]);
}

// Python's str.isspace(): White_Space and the four separators U+001C..U+001F.
bool is_python_space(uint32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

}  // namespace

void albert_text(std::string_view text, const AlbertOptions& options, std::string* out,
                 std::vector<Span>* source) {
  out->clear();
  if (source) source->clear();
  size_t begin = 0, at = 0;  // of the current code point
  const auto put = [&](uint32_t c) {
    append_utf8(c, out);
    if (source) {
      source->resize(out->size(), {static_cast<int32_t>(begin), static_cast<int32_t>(at)});
    }
  };
  const auto put_lower = [&](uint32_t c) { put(options.lower_case ? lower(c) : c); };
  const auto put_folded = [&](uint32_t c) {
    if (options.keep_accents) {
      put_lower(c);
    } else {
      fold(c, put_lower);
    }
  };
  bool bad = false, gap = false;
  size_t gap_begin = 0, gap_end = 0;
  while (at < text.size()) {
    begin = at;
    uint32_t c = next_code_point(text, &at, &bad);
    if (options.remove_space && is_python_space(c)) {
      if (!gap) gap_begin = begin;
      gap = true;
      gap_end = at;
      continue;
    }
    if (gap && !out->empty()) {
      std::swap(begin, gap_begin);
      std::swap(at, gap_end);
      put(' ');
      std::swap(begin, gap_begin);
      std::swap(at, gap_end);
    }
    gap = false;
    if ((c == '`' || c == '\'') && at < text.size() && text[at] == static_cast<char>(c)) {
      ++at;
      c = '"';
    }
    if (options.lower_case && c == 0x130) {  // the only one whose lower case is two code points
      put_folded('i');
      put_folded(0x307);
    } else {
      put_folded(options.lower_case ? lower(c) : c);
    }
  }
}

}  // namespace costeff::text
