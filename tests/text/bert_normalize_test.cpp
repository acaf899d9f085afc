#include "text/wordpiece/bert_normalize.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace costeff::text {
namespace {

std::string normalise(const std::string& text, const BertOptions& options = {}) {
  std::string out;
  bert_normalize(text, options, &out, nullptr);
  return out;
}

TEST(BertNormalize, Steps) {
  EXPECT_EQ(normalise("A\tb"), "a b");
  EXPECT_EQ(normalise("\xC3\x89t\xC3\xA9"), "ete");
  EXPECT_EQ(normalise("\xC3\x89", {.strip_accents = false}), "\xC3\xA9");
  EXPECT_EQ(normalise("\xC3\x89", {.lower_case = false}), "E");
  EXPECT_EQ(normalise("\xC3\x89", {.lower_case = false, .strip_accents = false}), "\xC3\x89");
  EXPECT_EQ(normalise("a\xE4\xB8\xAD"), "a \xE4\xB8\xAD ");
  EXPECT_EQ(normalise("a\xE4\xB8\xAD", {.split_ideographs = false}), "a\xE4\xB8\xAD");
  EXPECT_EQ(normalise("a\xE2\x80\x8B"
                      "b"),
            "ab");
  // A compatibility ideograph is set apart and decomposed.
  EXPECT_EQ(normalise("\xEF\xA4\x80"), " \xE8\xB1\x88 ");
  // Capital I with a dot: two code points when only the case goes.
  EXPECT_EQ(normalise("\xC4\xB0"), "i");
  EXPECT_EQ(normalise("\xC4\xB0", {.strip_accents = false}), "i\xCC\x87");
}

TEST(BertNormalize, Sources) {
  std::string out;
  std::vector<Span> source;
  bert_normalize("\xC3\x89\xE2\x80\x8B \xE4\xB8\xAD", {}, &out, &source);
  ASSERT_EQ(out, "e  \xE4\xB8\xAD ");
  ASSERT_EQ(source.size(), out.size());
  EXPECT_EQ(source[0].begin, 0);
  EXPECT_EQ(source[0].end, 2);
  EXPECT_EQ(source[1].begin, 5);
  for (size_t i = 2; i < source.size(); ++i) EXPECT_EQ(source[i].begin, 6);
  EXPECT_EQ(source.back().end, 9);
}

TEST(BertNormalize, TwiceChangesNothingMore) {
  std::string text;
  for (const uint32_t c :
       {0x130u, 0x1E9Eu, 0x212Bu, 0x1F80u, 0xD55Cu, 0xF900u, 0x2F800u, 0x3A3u, 0x10570u}) {
    text += 'x';
    append_utf8(c, &text);
  }
  for (const BertOptions& options :
       {BertOptions{}, BertOptions{.strip_accents = false}, BertOptions{.lower_case = false}}) {
    BertOptions together = options;
    together.split_ideographs = false;  // each pass would put more spaces
    const std::string once = normalise(text, together);
    EXPECT_EQ(normalise(once, together), once);
  }
}

}  // namespace
}  // namespace costeff::text
