#include <costeff/tokenizer.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error_of.h"
#include "golden/golden_data.h"
#include "shared_data.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

using Strings = std::vector<std::string>;
using Pairs = std::vector<std::pair<int64_t, int64_t>>;

Pairs pairs(const std::vector<TokenOffsets>& offsets) {
  Pairs out;
  for (const TokenOffsets& o : offsets) out.emplace_back(o.begin, o.end);
  return out;
}

// A directory with nothing but a vocabulary.
struct Vocab {
  TempDir dir;
  explicit Vocab(const Strings& words) {
    std::string text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (const std::string& w : words) text += w + "\n";
    write_file(dir.file("vocab.txt"), text);
  }
};

Example row(const std::string& a, std::optional<std::string> b = {}) {
  Example e;
  e.text_a = a;
  e.text_b = std::move(b);
  return e;
}

TEST(Tokenize, TokensAndOffsetsInBytesAndCharacters) {
  const Vocab v({"cafe", "##s", "\xE7\x94\xB5", "ok"});
  const Tokenizer t(v.dir.path());
  EXPECT_EQ(t.kind(), "wordpiece (uncased)");
  EXPECT_EQ(t.vocab_size(), 9);
  EXPECT_EQ(t.token(5), "cafe");
  EXPECT_EQ(t.token(99), "");
  Tokens out;
  // "Cafés 电😀 ok": é is two bytes, the ideograph three, the emoji four.
  t.encode(row("Caf\xC3\xA9s \xE7\x94\xB5\xF0\x9F\x98\x80 ok"), {}, &out);
  EXPECT_EQ(out.ids, (std::vector<int32_t>{2, 5, 6, 7, 1, 8, 3}));
  EXPECT_EQ(out.text, (std::vector<int8_t>{-1, 0, 0, 0, 0, 0, -1}));
  EXPECT_EQ(pairs(out.bytes), (Pairs{{0, 0}, {0, 5}, {5, 6}, {7, 10}, {10, 14}, {15, 17}, {0, 0}}));
  EXPECT_EQ(pairs(out.chars), (Pairs{{0, 0}, {0, 4}, {4, 5}, {6, 7}, {7, 8}, {9, 11}, {0, 0}}));
  EXPECT_FALSE(out.bad_utf8);
}

TEST(Tokenize, PairsCountEachTextFromItsBeginning) {
  const Vocab v({"a", "b"});
  Tokens out;
  Tokenizer(v.dir.path()).encode(row("\xC3\xA4 a", "b \xC3\xA4"), {}, &out);  // ä reads as a
  EXPECT_EQ(out.ids, (std::vector<int32_t>{2, 5, 5, 3, 6, 5, 3}));
  EXPECT_EQ(out.type_ids, (std::vector<int32_t>{0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(out.text, (std::vector<int8_t>{-1, 0, 0, -1, 1, 1, -1}));
  EXPECT_EQ(pairs(out.bytes), (Pairs{{0, 0}, {0, 2}, {3, 4}, {0, 0}, {0, 1}, {2, 4}, {0, 0}}));
  EXPECT_EQ(pairs(out.chars), (Pairs{{0, 0}, {0, 1}, {2, 3}, {0, 0}, {0, 1}, {2, 3}, {0, 0}}));
}

// As Python's errors="replace" counts: E4 B8 is one character, ED A0 80 three.
TEST(Tokenize, BytesThatAreNotUtf8) {
  const Vocab v({"x"});
  Tokens out;
  Tokenizer(v.dir.path()).encode(row("\xE4\xB8 x \xED\xA0\x80 x"), {}, &out);
  EXPECT_TRUE(out.bad_utf8);
  const size_t last = out.ids.size() - 2;
  EXPECT_EQ(out.ids[last], 5);
  EXPECT_EQ(out.bytes[last].begin, 9);
  EXPECT_EQ(out.chars[last].begin, 8);
  EXPECT_EQ(out.chars[last].end, 9);
}

TEST(Tokenize, CutsAndTakesOwnIds) {
  const Vocab v({"a"});
  const Tokenizer t(v.dir.path());
  Tokens out;
  t.encode(row("a a a a"), {.max_length = 4}, &out);
  EXPECT_EQ(out.ids, (std::vector<int32_t>{2, 5, 5, 3}));
  EXPECT_TRUE(out.truncated);
  Example ids;
  ids.has_ids = true;
  ids.input_ids = {2, 5, 3};
  t.encode(ids, {}, &out);
  EXPECT_EQ(out.ids, ids.input_ids);
  EXPECT_EQ(out.type_ids, (std::vector<int32_t>{0, 0, 0}));
  EXPECT_TRUE(out.text.empty() && out.bytes.empty() && out.chars.empty());
  EXPECT_FALSE(out.truncated);
}

TEST(Tokenize, ErrorsNameTheRow) {
  const Vocab v({"a"});
  Example e = row("a", "a a a a a a");
  e.source = "rows.tsv";
  e.line = 7;
  Tokens out;
  const std::string error = error_of(ErrorKind::input, [&] {
    Tokenizer(v.dir.path())
        .encode(e, {.max_length = 5, .truncation = Truncation::only_first}, &out);
  });
  EXPECT_EQ(error.find("rows.tsv:7: "), 0u) << error;
}

// A token that ends inside a character covers all of it.
TEST(Tokenize, ByteLevelTokensInsideACharacter) {
  COSTEFF_NEED_SHARED("golden/plain_roberta");
  Tokens out;
  Tokenizer(shared_path("golden/plain_roberta")).encode(row("a \xF0\x9F\x98\x80"), {}, &out);
  ASSERT_GT(out.ids.size(), 4u);
  for (size_t i = 0; i < out.ids.size(); ++i) {
    // The blank that becomes a separate token has the empty span after it.
    if (out.text[i] < 0 || out.bytes[i].begin < 2 || out.bytes[i].begin == out.bytes[i].end)
      continue;
    EXPECT_EQ(out.chars[i].begin, 2);
    EXPECT_EQ(out.chars[i].end, 3);
  }
}

// Ids of the golden rows, from directories without their weights.
TEST(Tokenize, NeedsNoWeights) {
  COSTEFF_NEED_SHARED("golden");
  for (const char* name : {"plain_bert", "plain_roberta", "plain_xlmr"}) {
    const std::string dir = shared_path(std::string("golden/") + name);
    const TempDir copy;
    for (const char* file : {"vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model",
                             "tokenizer_config.json", "special_tokens_map.json"}) {
      if (std::filesystem::exists(dir + "/" + file))
        write_file(copy.file(file), read_whole_file(dir + "/" + file));
    }
    const Tokenizer t(copy.path());
    Tokens out;
    for (const auto& r : read_json_lines(dir + "/golden.jsonl")) {
      Example e = row(r.at("text_a"));
      if (!r.at("text_b").is_null()) e.text_b = r.at("text_b").get<std::string>();
      t.encode(e, {.max_length = 128, .pair_cut = PairCut::slow}, &out);
      ASSERT_EQ(out.ids, r.at("input_ids").get<std::vector<int32_t>>())
          << name << ": " << r.at("text_a");
    }
  }
}

}  // namespace
}  // namespace costeff
