#include "tasks/write/column_width.h"

#include <gtest/gtest.h>

namespace costeff::tasks {
namespace {

TEST(ColumnWidth, ByKindOfCharacter) {
  struct Case {
    const char* what;
    uint32_t code_point;
    int64_t width;
  };
  constexpr Case kCases[] = {
      {"Latin letter", 'a', 1},
      {"Latin letter with an accent", 0xE9, 1},
      {"Hebrew letter", 0x5D0, 1},
      {"ambiguous: Greek letter", 0x3B1, 1},
      {"ambiguous: multiplication sign", 0xD7, 1},
      {"ambiguous: ellipsis", 0x2026, 1},
      {"ambiguous: replacement character", 0xFFFD, 1},
      {"half-width katakana", 0xFF71, 1},
      {"Chinese character", 0x4E2D, 2},
      {"Chinese character beyond the BMP", 0x20000, 2},
      {"Hangul syllable", 0xAC00, 2},
      {"Hangul leading jamo", 0x1100, 2},
      {"hiragana", 0x3042, 2},
      {"full-width letter", 0xFF21, 2},
      {"ideographic space", 0x3000, 2},
      {"emoji: grinning face", 0x1F600, 2},
      {"emoji: rocket", 0x1F680, 2},
      {"emoji outside the blocks of emoji: watch", 0x231A, 2},
      {"emoji outside the blocks of emoji: check mark", 0x2705, 2},
      {"emoji of a later block: ballet shoes", 0x1FA70, 2},
      {"combining acute accent", 0x301, 0},
      {"Hebrew point", 0x5B0, 0},
      {"Devanagari vowel sign, not spacing", 0x941, 0},
      {"Thai vowel above", 0xE34, 0},
      {"combining enclosing circle", 0x20DD, 0},
      {"variation selector 16", 0xFE0F, 0},
      {"variation selector 17", 0xE0100, 0},
      {"not assigned", 0x378, 1},
      {"private use", 0xE000, 1},
      {"last code point", 0x10FFFF, 1},
  };
  for (const Case& c : kCases) EXPECT_EQ(column_width(c.code_point), c.width) << c.what;
}

}  // namespace
}  // namespace costeff::tasks
