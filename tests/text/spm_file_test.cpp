// What is checked in a sentencepiece model before the library gets it.

#include "text/sentencepiece/spm_file.h"

#include <costeff/error.h>

#include <limits>
#include <random>

#include "text/expect_error.h"
#include "text/sentencepiece/sentencepiece_model.h"
#include "text/sentencepiece/spm_charsmap.h"
#include "text/spm_bytes.h"

namespace costeff::text {
namespace {

void expect_refused(const std::string& bytes, const std::vector<std::string>& parts) {
  std::vector<std::string> all = parts;
  all.push_back("m.model: ");
  expect_error(ErrorKind::model, all, [&] { parse_spm_bytes(bytes, "m.model"); });
}

TEST(SpmFile, ReadsPieces) {
  const SpmFile file = parse_spm_bytes(small_model().bytes(), "m.model");
  ASSERT_EQ(file.pieces.size(), small_model().pieces.size());
  EXPECT_EQ(file.unknown, 0);
  EXPECT_EQ(file.text(0), "<unk>");
  EXPECT_EQ(file.pieces[1].type, PieceType::control);
  EXPECT_EQ(file.text(4), "a");
  EXPECT_EQ(file.pieces[4].score, -4);
  EXPECT_EQ(file.model_type, SpmModelType::unigram);
}

TEST(SpmFile, EmptyAndCut) {
  expect_refused("", {"empty"});
  expect_refused(std::string(1000, '\0'), {"not a sentencepiece model", "field number 0"});
  expect_refused("This is not a model at all.", {"not a sentencepiece model"});
  // A beginning that ends between two fields is a model with fewer of them.
  const std::string whole = small_model().bytes();
  int refused = 0;
  for (size_t n = 0; n < whole.size(); ++n) {
    try {
      parse_spm_bytes(whole.substr(0, n), "m.model");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      ++refused;
    }
  }
  EXPECT_EQ(refused, static_cast<int>(whole.size() - small_model().pieces.size() - 1));
}

TEST(SpmFile, BadPieces) {
  const auto with = [](TestPiece piece) {
    TestModel m = small_model();
    m.pieces.push_back(piece);
    return m.bytes();
  };
  expect_refused(with({"", 0, 1}), {"piece 14", "0 bytes"});
  expect_refused(with({std::string(1025, 'x'), 0, 1}), {"1025 bytes"});
  expect_refused(with({"\xFF", 0, 1}), {"\\xff", "not UTF-8"});
  expect_refused(with({std::string("a\0b", 3), 0, 1}), {"not UTF-8 text"});
  expect_refused(with({"x", std::numeric_limits<float>::quiet_NaN(), 1}), {"score"});
  expect_refused(with({"x", std::numeric_limits<float>::infinity(), 1}), {"score"});
  expect_refused(with({"x", 0, 7}), {"type 7"});
  expect_refused(with({"x", 0, 2}), {"type unknown", "piece 0"});
  expect_refused(TestModel{.pieces = {{"a", 0, 1}}}.bytes(), {"no piece is of type unknown"});
  expect_refused(TestModel{}.bytes(), {"without pieces"});
  expect_refused(proto_number(1, 5), {"wire type 0, expected 2"});
  TestModel type = small_model();
  type.model_type = 9;
  expect_refused(type.bytes(), {"model_type 9"});
}

TEST(SpmFile, UserDefinedPiecesInEachOther) {
  TestModel m = small_model();
  for (size_t n = 1; n <= 64; ++n) m.pieces.push_back({std::string(n, '.'), 0, 4});
  parse_spm_bytes(m.bytes(), "m.model");
  m.pieces.push_back({std::string(65, '.'), 0, 4});
  expect_refused(m.bytes(), {"more than 64 user-defined pieces"});
}

TEST(SpmCharsmap, OneEntry) {
  EXPECT_EQ(check_charsmap(""), "");
  EXPECT_EQ(check_charsmap(TestCharsmap('A', "b").bytes()), "");
  EXPECT_EQ(check_charsmap(TestCharsmap('\0', "").bytes()), "");  // deletes U+0000
}

TEST(SpmCharsmap, SizesThatDoNotFit) {
  const std::string good = TestCharsmap('A', "b").bytes();
  for (size_t n = 1; n < good.size(); ++n) EXPECT_NE(check_charsmap(good.substr(0, n)), "") << n;
  EXPECT_NE(check_charsmap(std::string(8, '\xFF')), "");
  EXPECT_NE(check_charsmap(std::string(5u << 20, '\0')), "");
}

TEST(SpmCharsmap, TriesThatLeadAstray) {
  const auto wrong = [](auto change) {
    TestCharsmap map('A', "b");
    change(&map);
    return check_charsmap(map.bytes());
  };
  const uint32_t child = 0x100u ^ 'A';
  EXPECT_NE(wrong([](TestCharsmap* m) { m->units[0] = trie_unit(0, false, 0x1FFFFF); }), "");
  EXPECT_NE(wrong([](TestCharsmap* m) { m->units[0] = trie_unit(0, false, 0x300); }), "");
  EXPECT_NE(wrong([&](TestCharsmap* m) { m->units[child] = trie_unit('A', true, 0x100000); }), "");
  EXPECT_EQ(
      wrong([&](TestCharsmap* m) { m->units[child] = trie_unit('A', false, child ^ 0x100u); }),
      "its trie runs in a circle");
  EXPECT_NE(wrong([](TestCharsmap* m) { m->units[0x200] = 0x80000002u; }), "");  // after "b\0"
  EXPECT_NE(wrong([](TestCharsmap* m) { m->units.resize(0x2FF); }), "");
  EXPECT_NE(wrong([](TestCharsmap* m) { m->replacements.back() = 'x'; }), "");
  EXPECT_NE(wrong([](TestCharsmap* m) { m->replacements = std::string(300, 'x') + '\0'; }), "");
  EXPECT_NE(wrong([](TestCharsmap* m) { m->replacements[0] = '\xFF'; }), "");
}

// The library has room for 32 matches at one position.
TEST(SpmCharsmap, EntriesThatBeginAlike) {
  const auto chain = [](uint32_t n) {
    TestCharsmap map('a', "b");
    map.units.assign(0x100 * (n + 2), 0x80000000u);
    map.units[0] = trie_unit(0, false, 0x100);
    for (uint32_t i = 1; i <= n; ++i) {
      const uint32_t at = 0x100 * i ^ 'a', base = 0x100 * (i + 1);
      map.units[at] = trie_unit('a', true, at ^ base);
      map.units[base] = 0x80000000u;
    }
    return check_charsmap(map.bytes());
  };
  EXPECT_EQ(chain(31), "");
  EXPECT_NE(chain(32), "");
}

// Any bytes give an Error, or a model that works.
TEST(SpmFile, MutatedBytes) {
  TestModel model = small_model();
  model.charsmap = TestCharsmap('A', "b").bytes();
  const std::string good = model.bytes();
  std::mt19937 random(20240607);
  int loaded = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (int n = 1 + static_cast<int>(random() % 4); n > 0; --n) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    try {
      const SpmFile file = parse_spm_bytes(bytes, "m.model");
      const SentencePieceModel m(file, spm_kind("", file), {});
      SentencePieceModel::Scratch scratch;
      TokenSink sink;
      sink.reset(1000, true, false);
      m.encode("Aab caa \xC3\xA9 12,", 0, &scratch, &sink);
      for (const int32_t id : sink.ids) {
        ASSERT_GE(id, 0);
        ASSERT_LT(id, m.vocab_size());
      }
      ++loaded;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::model) << error.what();
    }
  }
  EXPECT_GT(loaded, 100);
}

}  // namespace
}  // namespace costeff::text
