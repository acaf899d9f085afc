#include "text/wordpiece/wordpiece.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <string>

namespace costeff::text {
namespace {

// Encodes with a small vocabulary and returns the tokens with blanks between them.
class WordPieceTest : public testing::Test {
 protected:
  const Vocab vocab_ = Vocab::from_tokens({"[UNK]",
                                           "un",
                                           "##aff",
                                           "##able",
                                           "##a",
                                           "a",
                                           "b",
                                           "##b",
                                           "the",
                                           "!",
                                           ".",
                                           "'",
                                           "##s",
                                           "\xE4\xB8\xAD",
                                           "##\xE4\xB8\xAD",
                                           "e",
                                           "\xC3\xA9",
                                           "##\xC3\xA9",
                                           "E",
                                           "##E",
                                           "[",
                                           "]",
                                           "#",
                                           ";",
                                           "\xE1\x84\x92",
                                           "##\xE1\x85\xA1",
                                           "##\xE1\x86\xAB",
                                           "\xC2\xA7"},
                                          "test");
  TokenSink sink_;

  std::string encode(const std::string& text, const BertOptions& options = {}, bool spans = false) {
    const WordPiece model(&vocab_, options, 0);
    sink_.reset(std::numeric_limits<int64_t>::max(), spans, false);
    model.encode(text, 0, &sink_);
    std::string out;
    for (const int32_t id : sink_.ids) {
      if (!out.empty()) out += ' ';
      out += vocab_.token(id);
    }
    return out;
  }
  std::string spans_of(const std::string& text, const BertOptions& options = {}) {
    encode(text, options, true);
    std::string out;
    for (const Span& s : sink_.spans) out += fmt::format("{}-{} ", s.begin, s.end);
    return out;
  }
};

TEST_F(WordPieceTest, GreedyLongestMatch) {
  EXPECT_EQ(encode("unaffable"), "un ##aff ##able");
  EXPECT_EQ(encode("the"), "the");
  EXPECT_EQ(encode(""), "");
  EXPECT_EQ(encode("  \t\n "), "");
}

TEST_F(WordPieceTest, OneUnknownRemainderMakesTheWordUnknown) {
  EXPECT_EQ(encode("unaffx the"), "[UNK] the");
  EXPECT_EQ(encode("thes"), "the ##s");
  EXPECT_EQ(encode("thesx"), "[UNK]");
}

TEST_F(WordPieceTest, PunctuationStandsAlone) {
  EXPECT_EQ(encode("the!a.b"), "the ! a . b");
  EXPECT_EQ(encode("##s"), "# # [UNK]");  // no "s" in the vocabulary
  EXPECT_EQ(encode("a\xC2\xA7"
                   "b"),
            "a \xC2\xA7 b");
  EXPECT_EQ(encode("a\xCD\xBE"
                   "b"),
            "a ; b");  // U+037E becomes ; by NFD
  EXPECT_EQ(encode("a\xCD\xBE"
                   "b",
                   {.strip_accents = false}),
            "a [UNK] b");
}

TEST_F(WordPieceTest, DeletedCharactersLeaveNoGap) {
  EXPECT_EQ(encode(std::string("a\0b", 3)), "a ##b");
  EXPECT_EQ(encode("a\xE2\x80\x8B"
                   "b"),
            "a ##b");
  EXPECT_EQ(encode("a\xEF\xBF\xBD"
                   "b"),
            "a ##b");
  EXPECT_EQ(encode("a\xE2\x80\xA8"
                   "b"),
            "a b");  // U+2028 separates
  EXPECT_EQ(encode("\xE2\x80\x8B"), "");
}

TEST_F(WordPieceTest, CaseAndAccentsApart) {
  EXPECT_EQ(encode("\xC3\x89"), "e");  // E with acute
  EXPECT_EQ(encode("\xC3\x89", {.strip_accents = false}), "\xC3\xA9");
  EXPECT_EQ(encode("\xC3\x89", {.lower_case = false}), "E");
  EXPECT_EQ(encode("aE", {.lower_case = false}), "a ##E");
  EXPECT_EQ(encode("e\xCC\x81"), "e");
  EXPECT_EQ(encode("e\xCC\x81", {.strip_accents = false}), "[UNK]");
}

TEST_F(WordPieceTest, Ideographs) {
  EXPECT_EQ(encode("a\xE4\xB8\xAD\xE4\xB8\xAD"), "a \xE4\xB8\xAD \xE4\xB8\xAD");
  EXPECT_EQ(encode("a\xE4\xB8\xAD", {.split_ideographs = false}), "a ##\xE4\xB8\xAD");
}

TEST_F(WordPieceTest, HangulFallsApartWhereAccentsAreStripped) {
  EXPECT_EQ(encode("\xED\x95\x9C"), "\xE1\x84\x92 ##\xE1\x85\xA1 ##\xE1\x86\xAB");
  EXPECT_EQ(encode("\xED\x95\x9C", {.strip_accents = false}), "[UNK]");
  EXPECT_EQ(spans_of("a \xED\x95\x9C"), "0-1 2-5 2-5 2-5 ");
}

TEST_F(WordPieceTest, LimitOfHundredCodePointsAfterNormalisation) {
  std::string pieces = "a";
  for (int i = 1; i < 100; ++i) pieces += " ##a";
  EXPECT_EQ(encode(std::string(100, 'a')), pieces);
  EXPECT_EQ(encode(std::string(101, 'a')), "[UNK]");
  EXPECT_EQ(encode(std::string(100000, 'a') + " b"), "[UNK] b");
  std::string accents = "a", ideographs;
  for (int i = 0; i < 120; ++i) accents += "\xCC\x81";
  EXPECT_EQ(encode(accents), "a");
  // 100 code points of three bytes, then one more.
  for (int i = 0; i < 100; ++i) ideographs += "\xE4\xB8\xAD";
  const BertOptions together{.split_ideographs = false};
  encode(ideographs, together);
  EXPECT_EQ(sink_.ids.size(), 100u);
  EXPECT_EQ(encode(ideographs + "\xE4\xB8\xAD", together), "[UNK]");
}

TEST_F(WordPieceTest, LongTokensAreFound) {
  const std::string longest(100, 'x');
  const Vocab vocab = Vocab::from_tokens({"[UNK]", longest, "##" + longest.substr(1), "x"}, "test");
  const WordPiece model(&vocab, {}, 0);
  TokenSink sink;
  model.encode(longest, 0, &sink);
  EXPECT_EQ(sink.ids, std::vector<int32_t>{1});
  sink.reset(100, false, false);
  model.encode(std::string("y").append(longest, 1).append(" ") + longest.substr(0, 99), 0, &sink);
  EXPECT_EQ(sink.ids, (std::vector<int32_t>{0, 0}));
}

TEST_F(WordPieceTest, Spans) {
  EXPECT_EQ(spans_of("unaffable the!"), "0-2 2-5 5-9 10-13 13-14 ");
  EXPECT_EQ(spans_of("thex  a"), "0-4 6-7 ");  // [UNK] covers its word
  EXPECT_EQ(spans_of("\xC3\x89 a\xE2\x80\x8B"
                     "b"),
            "0-2 3-4 7-8 ");  // deleted bytes belong to no token
  EXPECT_EQ(spans_of(std::string(150, 'a') + " b"), "0-150 151-152 ");
}

TEST_F(WordPieceTest, OffsetMovesSpans) {
  const WordPiece model(&vocab_, {}, 0);
  TokenSink sink;
  sink.reset(100, true, false);
  model.encode("a", 40, &sink);
  ASSERT_EQ(sink.spans.size(), 1u);
  EXPECT_EQ(sink.spans[0].begin, 40);
  EXPECT_EQ(sink.spans[0].end, 41);
}

TEST_F(WordPieceTest, KeepsAtMostTheLimitAndCountsAll) {
  const WordPiece model(&vocab_, {}, 0);
  TokenSink sink;
  sink.reset(2, true, false);
  model.encode("a unaffable unaffx the b", 0, &sink);
  EXPECT_EQ(sink.ids, (std::vector<int32_t>{5, 1}));
  EXPECT_EQ(sink.spans.size(), 2u);
  EXPECT_EQ(sink.count, 7);
  sink.reset(2, false, true);  // may stop
  model.encode("a a a a a a a a a", 0, &sink);
  EXPECT_EQ(sink.ids.size(), 2u);
  EXPECT_EQ(sink.count, 3);
}

}  // namespace
}  // namespace costeff::text
