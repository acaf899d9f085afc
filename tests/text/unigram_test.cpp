#include "text/sentencepiece/unigram.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include "text/expect_error.h"
#include "text/spm_bytes.h"

namespace costeff::text {
namespace {

std::vector<std::string> cut(const TestModel& model, const std::string& text) {
  const SpmFile file = parse_spm_bytes(model.bytes(), "m.model");
  const Unigram unigram(file);
  Unigram::Scratch scratch;
  std::vector<Unigram::Cut> cuts;
  unigram.cut(text, &scratch, &cuts);
  std::vector<std::string> pieces;
  size_t begin = 0;
  for (const auto& c : cuts) {
    pieces.emplace_back(c.piece == file.unknown ? "?" : "");
    pieces.back() += text.substr(begin, c.end - begin);
    begin = c.end;
  }
  EXPECT_EQ(begin, text.size());
  return pieces;
}

using Strings = std::vector<std::string>;

TEST(Unigram, TheBestSumWins) {
  TestModel m;
  m.pieces = {{"<unk>", 0, 2}, {"a", -3}, {"b", -3}, {"ab", -5}, {"abb", -9.5}};
  EXPECT_EQ(cut(m, "ab"), (Strings{"ab"}));
  EXPECT_EQ(cut(m, "abb"), (Strings{"ab", "b"}));
  EXPECT_EQ(cut(m, ""), Strings{});
}

TEST(Unigram, UnknownCharactersInARowAreOne) {
  TestModel m;
  m.pieces = {{"<unk>", 0, 2}, {"a", -3}};
  EXPECT_EQ(cut(m,
                "x\xC3\xA9\xE4\xB8\x80"
                "axa"),
            (Strings{"?x\xC3\xA9\xE4\xB8\x80", "a", "?x", "a"}));
}

TEST(Unigram, UnusedAndControlPiecesAreNotFound) {
  TestModel m;
  m.pieces = {{"<unk>", 0, 2}, {"a", -3}, {"aa", -1, 5}, {"<s>", 0, 3}};
  EXPECT_EQ(cut(m, "aa<s>"), (Strings{"a", "a", "?<s>"}));
}

TEST(Unigram, UserDefinedPiecesWin) {
  TestModel m;
  m.pieces = {{"<unk>", 0, 2}, {"a", -3}, {"b", -8}, {"ab", 0, 4}, {"bb", -20}};
  EXPECT_EQ(cut(m, "aab"), (Strings{"a", "ab"}));
}

// Both cuts of 555 have the same sum in real numbers. In single precision -0.1f - 4.2f - 8.3f, from
// left to right, is not what the other order gives, and the larger wins; equal ones: the longer
// last piece, which is found first.
TEST(Unigram, TiesAreRounding) {
  TestModel m;
  m.pieces = {{"<unk>", 0, 2}, {"p", -0.1f}, {"5", -4.2f}, {"55", -8.3f}};
  const float five_first = (-0.1f + -4.2f) + -8.3f, fives_first = (-0.1f + -8.3f) + -4.2f;
  EXPECT_EQ(cut(m, "p555"),
            fives_first > five_first ? (Strings{"p", "55", "5"}) : (Strings{"p", "5", "55"}));
  EXPECT_EQ(cut(m, "555"), (Strings{"5", "55"}));
}

TEST(Unigram, Refused) {
  TestModel twice;
  twice.pieces = {{"<unk>", 0, 2}, {"a", -3}, {"a", -2}};
  TestModel none;
  none.pieces = {{"<unk>", 0, 2}, {"a", 0, 4}};
  expect_error(ErrorKind::model, {"\"a\" occurs twice"}, [&] { cut(twice, "a"); });
  expect_error(ErrorKind::model, {"type normal"}, [&] { cut(none, "a"); });
}

}  // namespace
}  // namespace costeff::text
