#include "text/chars/char_tables.h"

#include <gtest/gtest.h>

#include <vector>

namespace costeff::text {
namespace {

std::vector<uint32_t> mapped(uint32_t c, bool strip, bool lower) {
  const Replacement r = replacement(c, strip, lower);
  if (r.length == 0) return {c};
  return {r.code_points, r.code_points + r.length};
}
using C = std::vector<uint32_t>;

TEST(CharTables, BertClasses) {
  EXPECT_EQ(bert_class(0), BertClass::deleted);
  EXPECT_EQ(bert_class('\t'), BertClass::space);
  EXPECT_EQ(bert_class(0x0B), BertClass::deleted);
  EXPECT_EQ(bert_class(0x85), BertClass::deleted);  // Cc before white space
  EXPECT_EQ(bert_class(0x2028), BertClass::space);
  EXPECT_EQ(bert_class(0x3000), BertClass::space);
  EXPECT_EQ(bert_class(0x200B), BertClass::deleted);
  EXPECT_EQ(bert_class(0xFFFD), BertClass::deleted);
  EXPECT_EQ(bert_class(0x10FFFD), BertClass::deleted);  // private use
  EXPECT_EQ(bert_class(0x0378), BertClass::word);       // unassigned: kept
  EXPECT_EQ(bert_class('$'), BertClass::punctuation);
  EXPECT_EQ(bert_class(0xA7), BertClass::punctuation);
  EXPECT_EQ(bert_class(0xA9), BertClass::word);
  EXPECT_EQ(bert_class(0x2E43), BertClass::word);  // punctuation of Unicode 9.0
  EXPECT_EQ(bert_class(0x4E2D), BertClass::ideograph);
  EXPECT_EQ(bert_class(0xF900), BertClass::ideograph);
  EXPECT_EQ(bert_class(0x2B820), BertClass::word);  // the block the fast tokenizer forgets
  EXPECT_EQ(bert_class(0x2B91F), BertClass::word);
  EXPECT_EQ(bert_class(0x2B920), BertClass::ideograph);
  EXPECT_EQ(bert_class(0x3007), BertClass::word);
  EXPECT_EQ(bert_class(0x30000), BertClass::word);
  EXPECT_EQ(bert_class(0x0301), BertClass::accent);
  EXPECT_EQ(bert_class(0x08D4), BertClass::word);  // a mark of Unicode 9.0
}

TEST(CharTables, Replacements) {
  EXPECT_EQ(mapped('A', true, true), C{'a'});
  EXPECT_EQ(mapped('A', true, false), C{'A'});
  EXPECT_EQ(mapped(0xC9, true, true), C{'e'});
  EXPECT_EQ(mapped(0xC9, false, true), C{0xE9});
  EXPECT_EQ(mapped(0xC9, true, false), C{'E'});
  EXPECT_EQ(mapped(0xC9, false, false), C{0xC9});
  EXPECT_EQ(mapped(0x130, true, true), C{'i'});
  EXPECT_EQ(mapped(0x130, false, true), (C{'i', 0x307}));
  EXPECT_EQ(mapped(0xDF, true, true), C{0xDF});
  EXPECT_EQ(mapped(0x37E, true, true), C{';'});
  EXPECT_EQ(mapped(0x3A3, true, true), C{0x3C3});  // no final sigma
  EXPECT_EQ(mapped(0x11938, true, true), C{0x11938});
  EXPECT_EQ(mapped(0x10570, false, true), C{0x10597});
  EXPECT_EQ(mapped(0xF900, true, false), C{0x8C48});
}

TEST(CharTables, MappedBitCoversAllReplacements) {
  for (uint32_t c = 0; c < 0x110000; ++c) {
    const bool changes = replacement(c, true, true).length || replacement(c, true, false).length ||
                         replacement(c, false, true).length;
    const bool hangul = c >= kHangulFirst && c <= kHangulLast;
    ASSERT_EQ(is_mapped(c), changes || hangul) << std::hex << c;
  }
}

// Text with tokens that are searched for after normalisation is normalised twice: the second time
// may change nothing.
TEST(CharTables, ReplacementsAreFinal) {
  for (const auto& [strip, lower] : {std::pair{true, true}, {true, false}, {false, true}}) {
    for (uint32_t c = 0; c < 0x110000; ++c) {
      const Replacement r = replacement(c, strip, lower);
      for (uint32_t i = 0; i < r.length; ++i) {
        ASSERT_EQ(replacement(r.code_points[i], strip, lower).length, 0u) << std::hex << c;
        const BertClass k = bert_class(r.code_points[i]);
        ASSERT_TRUE(k != BertClass::deleted && k != BertClass::space) << std::hex << c;
        ASSERT_FALSE(strip && k == BertClass::accent) << std::hex << c;
      }
    }
  }
}

TEST(CharTables, Hangul) {
  uint32_t jamo[3];
  ASSERT_EQ(split_hangul(0xD55C, jamo), 3u);
  EXPECT_EQ(jamo[0], 0x1112u);
  EXPECT_EQ(jamo[1], 0x1161u);
  EXPECT_EQ(jamo[2], 0x11ABu);
  ASSERT_EQ(split_hangul(0xAC00, jamo), 2u);
  EXPECT_EQ(jamo[0], 0x1100u);
  EXPECT_EQ(jamo[1], 0x1161u);
}

TEST(CharTables, BpeClasses) {
  EXPECT_EQ(bpe_class('a'), BpeClass::letter);
  EXPECT_EQ(bpe_class('7'), BpeClass::number);
  EXPECT_EQ(bpe_class(0xBD), BpeClass::number);
  EXPECT_EQ(bpe_class(0x85), BpeClass::space);
  EXPECT_EQ(bpe_class(0xA0), BpeClass::space);
  EXPECT_EQ(bpe_class(0x200B), BpeClass::other);
  EXPECT_EQ(bpe_class(0x0301), BpeClass::other);
  EXPECT_EQ(bpe_class(0x4E2D), BpeClass::letter);
  int spaces = 0;
  for (uint32_t c = 0; c < 0x110000; ++c) spaces += is_white_space(c);
  EXPECT_EQ(spaces, 25);
}

TEST(CharTables, RegexWord) {
  for (const uint32_t c :
       {uint32_t{'a'}, uint32_t{'_'}, uint32_t{'9'}, 0xE9u, 0x301u, 0x200Du, 0x4E2Du, 0x2160u}) {
    EXPECT_TRUE(is_regex_word(c)) << std::hex << c;
  }
  for (const uint32_t c : {uint32_t{' '}, uint32_t{'-'}, 0xBDu, 0xA9u, 0x2028u}) {
    EXPECT_FALSE(is_regex_word(c)) << std::hex << c;
  }
}

}  // namespace
}  // namespace costeff::text
