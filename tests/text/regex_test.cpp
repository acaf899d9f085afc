#include "text/regex/regex.h"

#include "text/expect_error.h"
#include "text/regex/text_pattern.h"

namespace costeff::text {
namespace {

std::vector<std::string> found(const std::string& pattern, const std::string& text) {
  TextPattern p;
  p.is_regex = true;
  p.regex = Regex(pattern, "m/tokenizer.json: pre_tokenizer");
  Regex::Scratch scratch;
  scratch.steps = pattern_steps(text.size());
  std::vector<PatternPart> parts;
  p.find(text, &scratch, &parts);
  std::vector<std::string> out;
  size_t at = 0;
  for (const PatternPart& part : parts) {
    EXPECT_EQ(part.begin, at);  // they tile the text
    at = part.end;
    if (part.found) out.push_back(text.substr(part.begin, part.end - part.begin));
  }
  EXPECT_EQ(at, text.size());
  return out;
}

// Oniguruma's answers, through Split of the tokenizers library.
TEST(Regex, FindsWhatOnigurumaFinds) {
  const struct {
    const char *pattern, *text;
    std::vector<std::string> found;
  } kCases[] = {
      {"^a", "ab\nab", {"a", "a"}},
      {"^", "a\n", {""}},
      {"a$", "ba\nba", {"a", "a"}},
      {".", "a\nb\r", {"a", "b", "\r"}},
      {"\\Aa|a\\z", "aaa", {"a", "a"}},
      {"\\bab", "ab cab", {"ab"}},
      {"\\Ba", "aa a", {"a"}},
      {"a{,2}b", "aabab", {"aab", "ab"}},
      {"a{2,}|b{2}", "aaabbb", {"aaa", "bb"}},
      {"a++b", "aaab", {"aaab"}},
      {"(?>a+)ab", "aaab", {}},
      {"a+?", "aa", {"a", "a"}},
      {"a{1,2}?", "aa", {"a", "a"}},
      {"b*", "abbc", {"", "bb", ""}},
      {"(?i:s)", "sS\xC5\xBFK", {"s", "S", "\xC5\xBF"}},
      {"(?i)k", "kK\xE2\x84\xAA", {"k", "K", "\xE2\x84\xAA"}},
      {"(?:ab|a)(?!c)", "abcab", {"a", "ab"}},
      {"[^\\P{L}a]", "ab1", {"b"}},
      {"\\p{Lu}\\p{^Lu}", "aAb1", {"Ab"}},
      {"[a\\]b]", "a]b", {"a", "]", "b"}},
      {"[a-]", "a-b", {"a", "-"}},
      {"[^\\w\\s]", "a \xC2\xB2!", {"\xC2\xB2", "!"}},  // in brackets \w has no superscripts
      {"\\w", "\xC2\xB2!", {"\xC2\xB2"}},
      {"\\x41|\\x{4e2d}|\\u00e9", "A\xE4\xB8\xAD\xC3\xA9", {"A", "\xE4\xB8\xAD", "\xC3\xA9"}},
      {"\\s+(?!\\S)|\\s+", "a  b ", {" ", " ", " "}},
      {"\\/\\-\\_\\ ", "/-_ ", {"/-_ "}},
      {"a|", "ba", {"", "a"}},
      {"a]", "a]", {"a]"}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.pattern);
    EXPECT_EQ(found(c.pattern, c.text), c.found);
  }
}

TEST(Regex, WhatIsNotSupportedIsNamed) {
  const struct {
    const char *pattern, *says;
  } kCases[] = {
      {"(a)\\1", "\"\\1\""},
      {"(?<=a)b", "\"(?<=\""},
      {"(?<n>a)", "\"(?<n\""},
      {"a(?i)b", "\"(?i)\" after a beginning"},
      {"(?x) a", "\"(?x)\""},
      {"[[:alpha:]]", "in brackets"},
      {"[a&&b]", "in brackets"},
      {"[]a]", "in brackets"},
      {"[a-\\d]", "such a range"},
      {"[\\d-z]", "such a range"},
      {"[b-a]", "an empty range"},
      {"[a", "\"[\" without \"]\""},
      {"(a", "\"(\" without \")\""},
      {"a)", "\")\" without \"(\""},
      {"*a", "a repeat of nothing"},
      {"(?:a*)*", "a repeat of what may be empty"},
      {"^*", "a repeat of what may be empty"},
      {"a{2}+", "\"}+\""},
      {"a{3,2}", "\"{3,2}\""},
      {"a{1001}", "\"{1001}\""},
      {"a{-0}", "\"{-0}\""},
      {"a{+1}", "\"{+1}\""},
      {"a{1 }", "\"{1 }\""},
      {"a{99999999999}", "\"{99999999999}\""},
      {"a{", "\"{\""},
      {"\\p{Han}", "\"\\p{Han}\""},
      {"\\pL", "\"\\pL\""},
      {"\\R", "\"\\R\""},
      {"\\xg", "a character number"},
      {"a\\", "ends too early"},
      {"(?i:\xC3\xA9)", "(?i) with letters that are not ASCII"},
      {"((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))", "nesting"},
      {"(?:(?:a{100}){100}){100}", "steps"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.pattern);
    expect_error(ErrorKind::model,
                 {"m/tokenizer.json: pre_tokenizer: pattern", c.says, "not supported"},
                 [&] { found(c.pattern, "a"); });
  }
}

TEST(Regex, ThatTakesTooLongIsAnError) {
  expect_error(ErrorKind::input, {"(?:a|a)+b", "takes too long", "of 40 bytes"},
               [] { found("(?:a|a)+b", std::string(40, 'a')); });
  EXPECT_EQ(found("a+", std::string(1 << 20, 'a')).size(), 1u);
}

}  // namespace
}  // namespace costeff::text
