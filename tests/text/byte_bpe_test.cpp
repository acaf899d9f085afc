#include "text/bpe/byte_bpe.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "base/utf8.h"
#include "text/bpe/bpe_split.h"
#include "text/expect_error.h"
#include "text/tokens/vocab_json.h"

namespace costeff::text {
namespace {

using Strings = std::vector<std::string>;

Strings words(const std::string& text) {
  Strings out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = bpe_word_end(text, at);
    EXPECT_GT(end, at);
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

TEST(BpeSplit, WordsNumbersAndTheRest) {
  EXPECT_EQ(words("hello world"), (Strings{"hello", " world"}));
  EXPECT_EQ(words("ab12.5!?c"), (Strings{"ab", "12", ".", "5", "!?", "c"}));
  EXPECT_EQ(words("\xC2\xBD"
                  "a"),
            (Strings{"\xC2\xBD", "a"}));                            // a half is a number
  EXPECT_EQ(words("e\xCC\x81x"), (Strings{"e", "\xCC\x81", "x"}));  // marks are neither
  EXPECT_EQ(words(" $5"), (Strings{" $", "5"}));
}

TEST(BpeSplit, Contractions) {
  EXPECT_EQ(words("I'll we've it's 'd"),
            (Strings{"I", "'ll", " we", "'ve", " it", "'s", " '", "d"}));
  EXPECT_EQ(words("I'LL"), (Strings{"I", "'", "LL"}));
  EXPECT_EQ(words("'re'r'"), (Strings{"'re", "'", "r", "'"}));
  EXPECT_EQ(words("!'s"), (Strings{"!'", "s"}));
}

TEST(BpeSplit, WhiteSpace) {
  EXPECT_EQ(words("hello  world"), (Strings{"hello", " ", " world"}));
  EXPECT_EQ(words("a\n\nb"), (Strings{"a", "\n", "\n", "b"}));
  EXPECT_EQ(words("a \n b"), (Strings{"a", " \n", " b"}));
  EXPECT_EQ(words("hello "), (Strings{"hello", " "}));
  EXPECT_EQ(words("a   "), (Strings{"a", "   "}));
  EXPECT_EQ(words("a\xC2\xA0"
                  "b"),
            (Strings{"a", "\xC2\xA0", "b"}));  // U+00A0 joins no word
  EXPECT_EQ(words(" \xE3\x80\x80"
                  "b"),
            (Strings{" ", "\xE3\x80\x80", "b"}));
}

// All 256 bytes, then the tokens given.
Vocab byte_vocab(const Strings& more) {
  std::vector<std::pair<std::string, int64_t>> tokens;
  uint32_t other = 0x100;
  for (uint32_t b = 0; b < 256; ++b) {
    std::string s;
    const bool itself = (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD);
    append_utf8(itself ? b : other++, &s);
    tokens.emplace_back(s, b);
  }
  for (const std::string& s : more) tokens.emplace_back(s, static_cast<int64_t>(tokens.size()));
  return vocab_from_ids(tokens, "v.json");
}

ByteBpe make(const Strings& more, const Strings& merges, const BpeOptions& options = {}) {
  std::vector<BpeMerge> rules(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    EXPECT_TRUE(split_merge(merges[i], &rules[i]));
    rules[i].line = static_cast<int64_t>(i) + 1;
  }
  return ByteBpe(byte_vocab(more), rules, options, "v.json", "m.txt");
}

struct Answer {
  Strings tokens, bytes;
};

Answer encode(const ByteBpe& bpe, const std::string& text) {
  ByteBpe::Scratch scratch;
  TokenSink sink;
  sink.reset(1 << 30, true, false);
  bpe.encode(text, 0, &scratch, &sink);
  Answer answer;
  for (size_t i = 0; i < sink.ids.size(); ++i) {
    answer.tokens.emplace_back(bpe.vocab().token(sink.ids[i]));
    const Span s = sink.spans[i];
    answer.bytes.push_back(text.substr(s.begin, s.end - s.begin));
  }
  return answer;
}

constexpr const char* kG = "\xC4\xA0";  // U+0120, the stand-in of a space

TEST(ByteBpe, MergesByRank) {
  const ByteBpe bpe = make({"bc", "ab", "abc"}, {"b c", "a b", "ab c"});
  EXPECT_EQ(encode(bpe, "abc").tokens, (Strings{"a", "bc"}));
  EXPECT_EQ(encode(bpe, "abab").tokens, (Strings{"ab", "ab"}));
  EXPECT_EQ(encode(make({"aa"}, {"a a"}), "aaaaa").tokens, (Strings{"aa", "aa", "a"}));
  EXPECT_TRUE(encode(bpe, "").tokens.empty());
}

// As in the Rust library and the Python one, which put the rules into a map.
TEST(ByteBpe, LastOfTwoEqualRulesCounts) {
  const ByteBpe bpe = make({"ab", "bc"}, {"a b", "b c", "a b"});
  EXPECT_EQ(encode(bpe, "abc").tokens, (Strings{"a", "bc"}));
}

TEST(ByteBpe, Spans) {
  const std::string space_a = std::string(kG) + "a";
  const ByteBpe bpe = make({space_a}, {std::string(kG) + " a"});
  const Answer a = encode(bpe, "x a  \xC3\xA9");
  EXPECT_EQ(a.tokens, (Strings{"x", space_a, kG, kG, "\xC3\x83", "\xC2\xA9"}));
  EXPECT_EQ(a.bytes, (Strings{"x", "a", "", "", "\xC3\xA9", "\xC3\xA9"}));
  // Other white space stays.
  EXPECT_EQ(encode(bpe, "x\n \xC2\xA0").bytes, (Strings{"x", "\n", "", "\xC2\xA0", "\xC2\xA0"}));
}

TEST(ByteBpe, AddPrefixSpace) {
  const std::string space_a = std::string(kG) + "a";
  const ByteBpe bpe = make({space_a}, {std::string(kG) + " a"}, {.add_prefix_space = true});
  EXPECT_EQ(encode(bpe, "a").tokens, Strings{space_a});
  EXPECT_EQ(encode(bpe, "a").bytes, Strings{"a"});
  EXPECT_EQ(encode(bpe, " a").tokens, Strings{space_a});
  EXPECT_EQ(encode(bpe, " a a").bytes, (Strings{" a", "a"}));
  EXPECT_EQ(encode(bpe, "\ta").tokens, (Strings{kG, "\xC4\x89", "a"}));  // a tab gets one too
  EXPECT_EQ(encode(bpe, "\ta").bytes, (Strings{"", "\t", "a"}));
  EXPECT_TRUE(encode(bpe, "").tokens.empty());
}

TEST(ByteBpe, BytesWithoutAToken) {
  const Vocab two = vocab_from_ids({{"a", 0}, {"<unk>", 7}}, "v.json");
  const ByteBpe bpe(two, {}, {}, "v.json", "m.txt");
  EXPECT_EQ(encode(bpe, "abba").tokens, (Strings{"a", "<unk>", "<unk>", "a"}));
  expect_error(ErrorKind::model, {"v.json", "0x00", "no \"<unk>\""}, [] {
    ByteBpe(vocab_from_ids({{"a", 0}}, "v.json"), {}, {}, "v.json", "m.txt");
  });
}

// Against the definition: merge all of the best pair, left to right, until there is none.
TEST(ByteBpe, AgainstTheDefinition) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Strings tokens{"a", "b", "c"}, merges;
    for (int i = 0; i < 12; ++i) {
      const std::string l = tokens[random() % tokens.size()], r = tokens[random() % tokens.size()];
      if (std::find(tokens.begin(), tokens.end(), l + r) != tokens.end()) continue;
      tokens.push_back(l + r);
      merges.push_back(l + " " + r);
    }
    const ByteBpe bpe = make(Strings(tokens.begin() + 3, tokens.end()), merges);
    std::string word;
    for (size_t n = random() % 40 + 1; n > 0; --n)
      word.push_back(static_cast<char>('a' + random() % 3));
    Strings symbols;
    for (const char c : word) symbols.emplace_back(1, c);
    // Only one rule makes each result, so going through the rules once in order does the same.
    for (bool merged = true; merged;) {
      merged = false;
      for (const std::string& rule : merges) {
        BpeMerge m;
        split_merge(rule, &m);
        for (size_t i = 0; i + 1 < symbols.size(); ++i) {
          if (symbols[i] != m.left || symbols[i + 1] != m.right) continue;
          symbols[i] += symbols[i + 1];
          symbols.erase(symbols.begin() + static_cast<int64_t>(i) + 1);
          merged = true;
        }
        if (merged) break;
      }
    }
    ASSERT_EQ(encode(bpe, word).tokens, symbols) << word;
  }
}

TEST(ByteBpe, OneLongWord) {
  const ByteBpe bpe = make({"aa", "aaaa"}, {"a a", "aa aa"});
  ByteBpe::Scratch scratch;
  TokenSink sink;
  sink.reset(5, false, true);
  bpe.encode(std::string(1 << 20, 'a'), 0, &scratch, &sink);
  EXPECT_EQ(sink.count, 1 << 18);
  EXPECT_EQ(sink.ids, (std::vector<int32_t>(5, 257)));
}

// Words of the lengths at which one way of merging ends and the next begins, and again from the
// cache.
TEST(ByteBpe, AllLengths) {
  const ByteBpe bpe = make({"aa", "aaaa"}, {"a a", "aa aa"});
  ByteBpe::Scratch scratch;
  for (int call = 0; call < 2; ++call) {
    for (int64_t n = 1; n < 80; ++n) {
      TokenSink sink;
      sink.reset(1 << 20, true, false);
      bpe.encode(std::string(static_cast<size_t>(n), 'a'), 0, &scratch, &sink);
      std::vector<int32_t> expected(static_cast<size_t>(n / 4), 257);
      if (n % 4 >= 2) expected.push_back(256);
      if (n % 2 == 1) expected.push_back('a');
      ASSERT_EQ(sink.ids, expected) << n;
      int32_t end = 0;
      for (const Span span : sink.spans) {
        ASSERT_EQ(span.begin, end);
        end = span.end;
      }
      ASSERT_EQ(end, n);
    }
  }
}

TEST(ByteBpe, ModelsShareAScratch) {
  const ByteBpe joined = make({"ab"}, {"a b"}), apart = make({}, {}), copy = joined;
  ByteBpe::Scratch scratch;
  const auto ids = [&](const ByteBpe& bpe) {
    TokenSink sink;
    sink.reset(1 << 20, false, false);
    bpe.encode("ab", 0, &scratch, &sink);
    return sink.ids;
  };
  for (int call = 0; call < 3; ++call) {
    EXPECT_EQ(ids(joined), std::vector<int32_t>{256});
    EXPECT_EQ(ids(apart), (std::vector<int32_t>{'a', 'b'}));
    EXPECT_EQ(ids(copy), std::vector<int32_t>{256});
  }
}

class BpeFiles : public testing::Test {
 protected:
  void expect_refused(const std::string& vocab, const std::string& merges, const Strings& parts) {
    expect_error(ErrorKind::model, parts, [&] { parse(vocab, merges); });
  }
  static ByteBpe parse(const std::string& vocab, const std::string& merges) {
    return ByteBpe::parse(vocab, merges, {}, "vocab.json", "merges.txt");
  }
};

TEST_F(BpeFiles, MergesInAllForms) {
  const std::string v = R"({"<unk>": 3, "a": 0, "b": 1, "ab": 2, "#": 4, "##": 5})";
  for (const char* merges :
       {"#version: 0.2\na b\n", "#version: 0.2\r\na b\r\n", "a b", "\n\na b\n\n"}) {
    EXPECT_EQ(encode(parse(v, merges), "ab").tokens, Strings{"ab"}) << merges;
  }
  EXPECT_EQ(encode(parse(v, "#version: 0.2\n"), "ab").tokens, (Strings{"a", "b"}));
  EXPECT_EQ(encode(parse(v, "#version: 0.2\n# #\n"), "##").tokens, Strings{"##"});
}

TEST_F(BpeFiles, BadVocab) {
  const std::string place = "vocab.json: ";
  expect_refused("", "", {place, "empty"});
  expect_refused("{}", "", {place, "no tokens"});
  expect_refused("[\"a\"]", "", {place, "a list"});
  expect_refused("\"a\"", "", {place, "expected an object"});
  expect_refused("{\"a\": 0", "", {place, "not valid JSON"});
  expect_refused("{\"a\": 0} x", "", {place, "not valid JSON"});
  expect_refused("{\"a\": \"0\"}", "", {place, "\"a\"", "\"0\""});
  expect_refused("{\"a\": 0.5}", "", {place, "0.5"});
  expect_refused("{\"a\": null}", "", {place, "null"});
  expect_refused("{\"a\": {\"b\": 1}}", "", {place, "an object"});
  expect_refused("{\"a\": -5}", "", {place, "\"a\"", "-5"});
  expect_refused("{\"a\": 4000000000}", "", {place, "4000000000"});
  expect_refused("{\"a\": 18446744073709551615}", "", {place, "expected one from 0"});
  expect_refused("{\"a\": 1, \"b\": 1}", "", {place, "\"a\"", "\"b\"", "id 1"});
  expect_refused("{\"a\": 1, \"a\": 2}", "", {place, "\"a\"", "twice"});
  expect_refused("{\"\": 1}", "", {place, "empty token"});
  expect_refused("{\"\xFF\": 1}", "", {place, "UTF-8"});
  expect_refused(std::string("{\"a\": 0}\0{", 11), "", {place, "NUL"});
  expect_refused("{\"a\": 1}", "", {place, "0x00"});
}

TEST_F(BpeFiles, BadMerges) {
  const std::string vocab = R"({"<unk>": 3, "a": 0, "b": 1})";
  expect_refused(vocab, "#version: 0.2\na\n", {"merges.txt:2: ", "\"a\""});
  expect_refused(vocab, "#version: 0.2\na b c\n", {"merges.txt:2: ", "\"a b c\""});
  expect_refused(vocab, "#version: 0.2\n\na b\n", {"merges.txt:3: ", "\"ab\"", "vocab.json"});
  expect_refused(vocab, "a q\n", {"merges.txt:1: ", "\"q\""});
}

}  // namespace
}  // namespace costeff::text
