#pragma once

// What the steps of a tokenizer.json take each code point for. They follow a newer Unicode than the
// BERT and RoBERTa tables of char_tables.h. All functions take any value below 0x110000.

#include <cstdint>

namespace costeff::text {

// General categories, in the order of the tables.
enum class Category : uint8_t {
  Lu,
  Ll,
  Lt,
  Lm,
  Lo,
  Mn,
  Mc,
  Me,
  Nd,
  Nl,
  No,
  Pc,
  Pd,
  Ps,
  Pe,
  Pi,
  Pf,
  Po,
  Sm,
  Sc,
  Sk,
  So,
  Zs,
  Zl,
  Zp,
  Cc,
  Cf,
  Co,
  Cs,
  Cn
};
inline constexpr int kCategoryCount = 30;

Category category(uint32_t c);
bool is_word_char(uint32_t c);      // \w of Whitespace
bool is_pattern_word(uint32_t c);   // \w of a pattern, which differs in eight characters
bool is_class_word(uint32_t c);     // \w in the brackets of a pattern, which differs in two
bool is_numeric(uint32_t c);        // Digits
bool is_stripped_mark(uint32_t c);  // StripAccents
uint8_t combining_class(uint32_t c);
// The lower case of c. Only U+0130 has two code points, "i" and U+0307, which the caller must put.
uint32_t lower_case(uint32_t c);

// The full canonical or compatibility decomposition of c, except of Hangul syllables. Length 0: c
// stays.
struct Decomposed {
  const uint32_t* code_points = nullptr;
  uint32_t length = 0;
};
Decomposed decompose(uint32_t c, bool compatible);
uint32_t compose(uint32_t a, uint32_t b);  // 0: they do not compose; Hangul too

// Grapheme cluster breaks (UAX 29). Pictographs also matter for them.
enum class Break : uint8_t {
  other,
  control,
  extend,
  zwj,
  spacing_mark,
  prepend,
  regional,
  l,
  v,
  t,
  lv,
  lvt,
  cr,
  lf
};
struct BreakClass {
  Break of;
  bool pictograph;
};
BreakClass break_class(uint32_t c);

}  // namespace costeff::text
