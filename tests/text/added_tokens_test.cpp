#include "text/tokens/added_tokens.h"

#include <fmt/core.h>

#include <chrono>

#include "text/expect_error.h"

namespace costeff::text {
namespace {

AddedToken token(std::string content, int32_t id) {
  AddedToken t;
  t.content = std::move(content);
  t.id = id;
  return t;
}

// The stretches as "text|<id:text>|...".
std::string split(const std::vector<AddedToken>& tokens, const std::string& text) {
  const TokenFinder finder(tokens, "test");
  TokenSplitter splitter(finder, text);
  std::string out;
  size_t end = 0;
  for (Stretch s; splitter.next(&s);) {
    EXPECT_EQ(s.begin, end);
    EXPECT_LT(s.begin, s.end);
    end = s.end;
    if (!out.empty()) out += '|';
    const std::string part = text.substr(s.begin, s.end - s.begin);
    out += s.id < 0 ? part : fmt::format("<{}:{}>", s.id, part);
  }
  EXPECT_EQ(end, text.size());
  return out;
}

TEST(AddedTokens, FoundAnywhereCaseSensitively) {
  const std::vector<AddedToken> tokens{token("[MASK]", 1), token("[SEP]", 2)};
  EXPECT_EQ(split(tokens, "a[MASK]ing [mask]"), "a|<1:[MASK]>|ing [mask]");
  EXPECT_EQ(split(tokens, "[MASK][SEP]"), "<1:[MASK]>|<2:[SEP]>");
  EXPECT_EQ(split(tokens, ""), "");
  EXPECT_EQ(split(tokens, "[[MASK]]"), "[|<1:[MASK]>|]");
  EXPECT_EQ(split(tokens, "[MASK"), "[MASK");
  EXPECT_EQ(split({}, "a[MASK]"), "a[MASK]");
}

TEST(AddedTokens, LeftmostThenLongest) {
  const std::vector<AddedToken> tokens{token("ab", 1), token("abcd", 2), token("bcdef", 3),
                                       token("d", 4)};
  EXPECT_EQ(split(tokens, "xabcdef"), "x|<2:abcd>|ef");
  EXPECT_EQ(split(tokens, "abcx"), "<1:ab>|cx");
  EXPECT_EQ(split(tokens, "bcdef"), "<3:bcdef>");
  EXPECT_EQ(split(tokens, "bcd"), "bc|<4:d>");
}

TEST(AddedTokens, StripIncludesWhiteSpace) {
  AddedToken left = token("<l>", 1), right = token("<r>", 2);
  left.lstrip = true;
  right.rstrip = true;
  EXPECT_EQ(split({left, right}, "x \t<l> y"), "x|<1: \t<l>>| y");
  EXPECT_EQ(split({left, right}, "x <r>\xE3\x80\x80 y"), "x |<2:<r>\xE3\x80\x80 >|y");
  EXPECT_EQ(split({left, right}, "<r>  <l>"), "<2:<r>  >|<1:<l>>");  // included once
  EXPECT_EQ(split({left, right}, "  <l>"), "<1:  <l>>");
  EXPECT_EQ(split({left, right}, "<r>  "), "<2:<r>  >");
  // U+001C is not white space for the fast tokenizer.
  EXPECT_EQ(split({left, right}, "x\x1C<l>"), "x\x1C|<1:<l>>");
}

TEST(AddedTokens, SingleWord) {
  AddedToken word = token("ice", 1);
  word.single_word = true;
  EXPECT_EQ(split({word}, "ice nice ice, icet"), "<1:ice>| nice |<1:ice>|, icet");
  EXPECT_EQ(split({word}, "\xC3\xA9ice ice\xCC\x81"), "\xC3\xA9ice ice\xCC\x81");
  // A rejected match uses up its bytes: the shorter token inside it is not found.
  EXPECT_EQ(split({word, token("ce", 2)}, "nice"), "nice");
}

TEST(AddedTokens, EmptyAndRepeatedTokens) {
  EXPECT_EQ(split({token("", 1), token("x", 2), token("x", 3)}, "axa"), "a|<2:x>|a");
}

TEST(AddedTokens, Limits) {
  expect_error(ErrorKind::model, {"place: ", "1001 bytes", "at most 1000"},
               [] { TokenFinder({token(std::string(1001, 'x'), 1)}, "place"); });
}

// A quadratic search would take hours here.
TEST(AddedTokens, LongTexts) {
  AddedToken left = token("<m>", 1);
  left.lstrip = true;
  std::string text;
  for (int i = 0; i < 300000; ++i) text += " <";
  for (int i = 0; i < 300000; ++i) text += " <m>";
  text += std::string(1000000, ' ');
  const TokenFinder finder({left, token(std::string(40, '<'), 2)}, "test");
  TokenSplitter splitter(finder, text);
  int found = 0;
  for (Stretch s; splitter.next(&s);) found += s.id == 1;
  EXPECT_EQ(found, 300000);
}

}  // namespace
}  // namespace costeff::text
