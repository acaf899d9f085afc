#include "text/tokens/vocab.h"

#include <fmt/core.h>

#include "text/expect_error.h"

namespace costeff::text {
namespace {

TEST(Vocab, LinesAreIds) {
  const Vocab v = Vocab::parse("[PAD]\nthe\n##s\nend", "vocab.txt");
  ASSERT_EQ(v.size(), 4);
  EXPECT_EQ(v.find("[PAD]"), 0);
  EXPECT_EQ(v.find("the"), 1);
  EXPECT_EQ(v.find("##s"), 2);
  EXPECT_EQ(v.find("end"), 3);
  EXPECT_EQ(v.find("th"), -1);
  EXPECT_EQ(v.find(""), -1);
  EXPECT_EQ(v.token(2), "##s");
  EXPECT_EQ(v.token(4), "");
  EXPECT_EQ(v.token(-1), "");
  EXPECT_EQ(v.longest(), 5u);
}

TEST(Vocab, OnlyNewlineEndsALine) {
  // U+2028, U+0085, a form feed and a lone \r inside a line are part of tokens.
  const Vocab v = Vocab::parse("a\r\n\xE2\x80\xA8\n##\xC2\x85\nx\ry\n\f\nz\r\r\n", "vocab.txt");
  ASSERT_EQ(v.size(), 6);
  EXPECT_EQ(v.find("a"), 0);
  EXPECT_EQ(v.find("\xE2\x80\xA8"), 1);
  EXPECT_EQ(v.find("##\xC2\x85"), 2);
  EXPECT_EQ(v.find("x\ry"), 3);
  EXPECT_EQ(v.find("\f"), 4);
  EXPECT_EQ(v.find("z\r"), 5);
}

TEST(Vocab, BlankLinesTakeIdsAndTheLastOfEqualLinesCounts) {
  const Vocab v = Vocab::parse("a\n\nb\na\n\nc\n", "vocab.txt");
  ASSERT_EQ(v.size(), 6);
  EXPECT_EQ(v.find("a"), 3);
  EXPECT_EQ(v.token(0), "a");
  EXPECT_EQ(v.find("b"), 2);
  EXPECT_EQ(v.find("c"), 5);
}

TEST(Vocab, ByteOrderMarkIsNotPartOfTheFirstToken) {
  EXPECT_EQ(Vocab::parse("\xEF\xBB\xBF[PAD]\na\n", "vocab.txt").find("[PAD]"), 0);
}

TEST(Vocab, ATokenMayBeABrace) {
  const Vocab v = Vocab::parse("{\n}\n[\n", "vocab.txt");
  EXPECT_EQ(v.find("{"), 0);
}

TEST(Vocab, HashedWhileReading) {
  const Vocab v = Vocab::from_tokens({"##ing", "ing"}, "test");
  uint64_t h = v.hash_start();
  for (const char c : std::string("##ing")) h = Vocab::hash_step(h, static_cast<uint8_t>(c));
  EXPECT_EQ(v.find_hashed(h, "##", "ing"), 0);
  EXPECT_EQ(v.find_hashed(h, "##", "inf"), -1);  // a hash alone is no match
}

TEST(Vocab, ManyTokens) {
  std::vector<std::string> names;
  for (int i = 0; i < 50000; ++i) names.push_back(fmt::format("{}t", i * 7));
  const Vocab v = Vocab::from_tokens({names.begin(), names.end()}, "test");
  for (int i = 0; i < 50000; ++i) ASSERT_EQ(v.find(names[i]), i);
  EXPECT_EQ(v.find("1t"), -1);
}

TEST(Vocab, Errors) {
  const auto refuse = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    std::vector<std::string> all = parts;
    all.push_back("m/vocab.txt:");
    expect_error(ErrorKind::model, all, [&] { Vocab::parse(bytes, "m/vocab.txt"); });
  };
  refuse("", {"empty"});
  refuse("a\nb\xE9\n", {":2:", "b\\xe9", "not UTF-8"});
  refuse(std::string("\xFF\xFE[\0P\0", 6), {"UTF-16"});
  refuse(std::string("a\nb\0c\n", 6), {":2:", "NUL"});
  refuse("{\"a\": 0, \"b\": 1}", {"JSON"});
  refuse("{\n \"a\": 0,\n \"b\": 1\n}\n", {"JSON"});
  refuse(std::string(kMaxVocabLines + 1, '\n'), {"8000001", "8000000"});
}

}  // namespace
}  // namespace costeff::text
