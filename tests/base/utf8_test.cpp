#include "base/utf8.h"

#include <gtest/gtest.h>

#include <vector>

#include "sanitized.h"

namespace costeff {
namespace {

std::vector<uint32_t> decode(std::string_view text, bool* bad = nullptr) {
  std::vector<uint32_t> points;
  bool any = false;
  for (size_t at = 0; at < text.size();) points.push_back(next_code_point(text, &at, &any));
  if (bad) *bad = any;
  return points;
}

TEST(Utf8, EveryScalarValueComesBack) {
  for (uint32_t c = 0; c <= 0x10FFFF; c += kSanitized ? 13 : 1) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(c, &text);
    bool bad = true;
    ASSERT_EQ(decode(text, &bad), std::vector<uint32_t>{c});
    ASSERT_FALSE(bad);
  }
}

// One U+FFFD for each maximal valid prefix, as Python's errors="replace".
TEST(Utf8, BadBytesAreReplaced) {
  const std::vector<std::pair<std::string, size_t>> cases = {
      {"\x80", 1},         {"\xE4\xB8", 1},         {"\xED\xA0\x80", 3}, {"\xC0\x80", 2},
      {"\xF0\x9F\x98", 1}, {"\xF4\x90\x80\x80", 4}, {"\xFF", 1},         {"\xE0\x80\x80", 3},
  };
  for (const auto& [text, count] : cases) {
    bool bad = false;
    EXPECT_EQ(decode(text, &bad), std::vector<uint32_t>(count, kReplacement));
    EXPECT_TRUE(bad);
    EXPECT_FALSE(is_utf8(text));
  }
  EXPECT_EQ(decode("\xE4\xB8x"), (std::vector<uint32_t>{kReplacement, 'x'}));
  EXPECT_TRUE(is_utf8("na\xC3\xAFve"));
}

TEST(Printable, NothingMovesTheCursor) {
  EXPECT_EQ(printable("a\tb\nc"), "a\\tb\\nc");
  EXPECT_EQ(printable("\x1B[2J"), "\\x1b[2J");
  EXPECT_EQ(printable("\xE9t\xC3\xA9"), "\\xe9t\xC3\xA9");
  EXPECT_EQ(printable("\xE2\x80\xAE"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");           // C1 control
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace costeff
