#include "text/sentencepiece/albert_text.h"

#include <gtest/gtest.h>

namespace costeff::text {
namespace {

std::string made(const std::string& text, const AlbertOptions& options = {}) {
  std::string out, again;
  std::vector<Span> source;
  albert_text(text, options, &out, &source);
  albert_text(text, options, &again, nullptr);
  EXPECT_EQ(out, again);
  EXPECT_EQ(source.size(), out.size());
  for (const Span& s : source) EXPECT_LT(s.begin, s.end);
  return out;
}

TEST(AlbertText, WhiteSpace) {
  EXPECT_EQ(made("  a \t\n b\x1C"
                 "c\xC2\xA0"
                 "d\xE3\x80\x80 "),
            "a b c d");
  EXPECT_EQ(made(" a  b ", {.remove_space = false}), " a  b ");
  EXPECT_EQ(made(" \n "), "");
}

TEST(AlbertText, Quotes) {
  EXPECT_EQ(made("``a'' 'b' ```"), "\"a\" 'b' \"`");
  EXPECT_EQ(made("' '"), "' '");
}

TEST(AlbertText, AccentsAndCase) {
  EXPECT_EQ(made("Caf\xC3\xA9 NA\xC3\x8FVE"), "cafe naive");
  EXPECT_EQ(made("Caf\xC3\xA9", {.keep_accents = true}), "caf\xC3\xA9");
  EXPECT_EQ(made("Caf\xC3\xA9", {.lower_case = false}), "Cafe");
  EXPECT_EQ(made("\xC4\xB0"), "i");                                  // U+0130
  EXPECT_EQ(made("\xC4\xB0", {.keep_accents = true}), "i\xCC\x87");  // with its dot
  EXPECT_EQ(made("\xEF\xAC\x81\xC2\xBD\xEF\xBC\xA1"),
            "fi1\xE2\x81\x84"
            "2a");                                                          // fi, 1/2, fullwidth A
  EXPECT_EQ(made("\xC2\xB4x"), " x");                                       // U+00B4
  EXPECT_EQ(made("\xCE\xA3\xCE\x91\xCE\xA3"), "\xCF\x83\xCE\xB1\xCF\x83");  // no final sigma
  EXPECT_EQ(made("\xED\x95\x9C"), "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB");  // Hangul to jamo
  EXPECT_EQ(made("\xE0\xA4\xBE\xE2\x83\xA3"), "\xE0\xA4\xBE\xE2\x83\xA3");  // class 0 marks stay
  EXPECT_EQ(made("\xE2\x84\xA1"), "tel");                   // U+2121, lower case after NFKD
  EXPECT_EQ(made("\xF0\x9E\x80\xB0"), "\xF0\x9E\x80\xB0");  // U+1E030 is newer than Unicode 14
}

TEST(AlbertText, SourceSpans) {
  std::string out;
  std::vector<Span> source;
  albert_text(" \xEF\xAC\x81  ''x", {}, &out, &source);
  ASSERT_EQ(out, "fi \"x");
  const std::vector<Span> want{{1, 4}, {1, 4}, {4, 6}, {6, 8}, {8, 9}};
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(source[i].begin, want[i].begin) << i;
    EXPECT_EQ(source[i].end, want[i].end) << i;
  }
}

}  // namespace
}  // namespace costeff::text
