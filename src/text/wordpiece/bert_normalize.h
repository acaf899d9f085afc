#pragma once

// BERT's normalisation, as the fast tokenizer's BertNormalizer does it, one code point at a time.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/chars/char_tables.h"
#include "text/chars/span.h"

namespace costeff::text {

struct BertOptions {
  bool lower_case = true;
  bool strip_accents = true;
  bool split_ideographs = true;  // tokenize_chinese_chars
};

// Passes the normal form of code point c to the sink: gap() for a word boundary, add(x) for each
// code point x, in order; possibly none. The caller sets punctuation apart. Marks newer than
// Unicode 8.0, which NFD also sorts, are not sorted.
template <typename Sink>
inline void bert_normalize(uint32_t c, const BertOptions& options, Sink&& sink) {
  bool apart = false;
  switch (bert_class(c)) {
    case BertClass::deleted:
      return;
    case BertClass::space:
      sink.gap();
      return;
    case BertClass::accent:
      if (options.strip_accents) return;
      break;
    case BertClass::ideograph:
      apart = options.split_ideographs;
      break;
    case BertClass::word:
    case BertClass::punctuation:
      break;
  }
  if (apart) sink.gap();
  if (!is_mapped(c)) {
    sink.add(c);
  } else if (c >= kHangulFirst && c <= kHangulLast) {
    if (options.strip_accents) {
      uint32_t jamo[3];
      const uint32_t n = split_hangul(c, jamo);
      for (uint32_t i = 0; i < n; ++i) sink.add(jamo[i]);
    } else {
      sink.add(c);
    }
  } else {
    const Replacement r = replacement(c, options.strip_accents, options.lower_case);
    if (r.length == 0) sink.add(c);
    for (uint32_t i = 0; i < r.length; ++i) sink.add(r.code_points[i]);
  }
  if (apart) sink.gap();
}

// Normalises a whole text (UTF-8); a gap becomes one space. source[i] is the span of `text` that
// byte i of *out comes from; `source` may be null.
void bert_normalize(std::string_view text, const BertOptions& options, std::string* out,
                    std::vector<Span>* source);

}  // namespace costeff::text
