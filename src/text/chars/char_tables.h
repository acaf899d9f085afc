#pragma once

// What the Hugging Face fast tokenizers take each code point for. Tables: char_tables.inc, written
// by tools/make_char_tables.py. All functions take any value below 0x110000.

#include <cstdint>

namespace costeff::text {

namespace tables {
#include "text/chars/char_tables.inc"
}

constexpr uint8_t class_byte(uint32_t c) {
  return tables::kClassBlocks[(static_cast<uint32_t>(tables::kClassIndex[c >> 8]) << 8) |
                              (c & 0xFF)];
}

// Byte-level BPE: \p{L}, \p{N}, \s of the pre-tokenising regex.
enum class BpeClass : uint8_t { other, letter, number, space };
constexpr BpeClass bpe_class(uint32_t c) { return static_cast<BpeClass>((class_byte(c) >> 5) & 3); }

// \s (White_Space) and \w of the regexes around added tokens.
inline bool is_white_space(uint32_t c) { return bpe_class(c) == BpeClass::space; }
inline bool is_regex_word(uint32_t c) { return (class_byte(c) & 128) != 0; }

// BERT: what a character of the text as given is: deleted (controls, format characters, U+0000,
// U+FFFD), white space, punctuation, or part of a word. CJK ideographs have a class of their own,
// because setting them apart is an option; accents (Mn) are word characters that stripping deletes.
enum class BertClass : uint8_t {
  word = 0,
  deleted = 1,
  space = 2,
  punctuation = 3,
  ideograph = 4,
  accent = 8
};
inline BertClass bert_class(uint32_t c) { return static_cast<BertClass>(class_byte(c) & 15); }

// True if some normalisation changes c.
inline bool is_mapped(uint32_t c) { return (class_byte(c) & 16) != 0; }

inline constexpr uint32_t kHangulFirst = 0xAC00, kHangulLast = 0xD7A3;

// What c becomes under the options; length 0: it stays. Hangul syllables, which stripping splits
// into jamo, are not in the tables: see split_hangul.
struct Replacement {
  const uint32_t* code_points;
  uint32_t length;
};
inline Replacement replacement(uint32_t c, bool strip_accents, bool lower_case) {
  const auto look = [c](const uint8_t* index, const uint16_t* blocks) -> Replacement {
    const uint32_t* at =
        tables::kReplacements + blocks[(static_cast<uint32_t>(index[c >> 8]) << 8) | (c & 0xFF)];
    return {at + 1, *at};
  };
  if (strip_accents && lower_case) return look(tables::kStripLowerIndex, tables::kStripLowerBlocks);
  if (lower_case) return look(tables::kLowerIndex, tables::kLowerBlocks);
  if (strip_accents) return look(tables::kStripIndex, tables::kStripBlocks);
  return {nullptr, 0};
}

// The jamo of a Hangul syllable (Unicode 15, section 3.12). Returns 2 or 3.
inline uint32_t split_hangul(uint32_t c, uint32_t out[3]) {
  const uint32_t s = c - kHangulFirst;
  out[0] = 0x1100 + s / 588;
  out[1] = 0x1161 + s % 588 / 28;
  out[2] = 0x11A7 + s % 28;
  return s % 28 == 0 ? 2 : 3;
}

}  // namespace costeff::text
