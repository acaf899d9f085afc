// The face: kinds, options, special tokens in the text, limits, errors.

#include "text/tokenizer.h"

#include <cctype>
#include <random>

#include "shared_data.h"
#include "text/config/tokenizer_files.h"
#include "text/expect_error.h"
#include "text/golden_rows.h"
#include "text/temp_dir.h"

namespace costeff::text {
namespace {

constexpr const char* kVocab =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##b\nthe\ne\n\xC3\xA9\n[\n]\nmask\nnew\n##"
    "word\nA\n";

std::string tokens(const Tokenizer& t, std::string_view a,
                   std::optional<std::string_view> b = std::nullopt,
                   const EncodeOptions& options = {}) {
  Encoding out;
  t.encode(a, b, options, &out);
  std::string text;
  for (const int32_t id : out.ids) text.append(text.empty() ? "" : " ").append(t.token(id));
  return text;
}

TEST(Tokenizer, BertDefaultsWithoutAnyConfig) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  const Tokenizer t(dir.path());
  EXPECT_EQ(t.kind(), "wordpiece (uncased)");
  EXPECT_EQ(t.vocab_size(), 18);
  EXPECT_EQ(t.model_max_length(), std::nullopt);
  EXPECT_EQ(t.vocab_file(), dir.path() + "/vocab.txt");
  EXPECT_EQ(t.special_tokens(false), 2);
  EXPECT_EQ(t.special_tokens(true), 3);
  EXPECT_EQ(t.token(99), "");
  EXPECT_EQ(tokens(t, "A ab"), "[CLS] a a ##b [SEP]");
  EXPECT_EQ(tokens(t, "a", "b"), "[CLS] a [SEP] b [SEP]");
  EXPECT_EQ(tokens(t, "", ""), "[CLS] [SEP] [SEP]");
  EXPECT_EQ(tokens(t, ""), "[CLS] [SEP]");
  EXPECT_EQ(tokens(t, "[MASK]b [mask]"), "[CLS] [MASK] b [ mask ] [SEP]");
}

TEST(Tokenizer, FilesInMemory) {
  const TokenizerFiles files(
      "m", {{"vocab.txt", kVocab}, {"tokenizer_config.json", R"({"do_lower_case": false})"}});
  const Tokenizer t(files);
  EXPECT_EQ(t.kind(), "wordpiece (cased)");
  EXPECT_EQ(t.vocab_file(), "m/vocab.txt");
  EXPECT_EQ(tokens(t, "A ab"), "[CLS] A a ##b [SEP]");
  expect_error(ErrorKind::model, {"m: no tokenizer"},
               [] { Tokenizer(TokenizerFiles("m", std::map<std::string, std::string>())); });
  expect_error(ErrorKind::model, {"m/merges.txt: no such file"}, [] {
    Tokenizer(TokenizerFiles("m", {{"vocab.json", "{\"<unk>\": 0}"}}));
  });
  expect_error(ErrorKind::model, {"m/vocab.txt: 18 bytes", "at most 17"}, [] {
    TokenizerFiles("m", {{"vocab.txt", std::string(18, 'a')}}).read("vocab.txt", 17);
  });
}

TEST(Tokenizer, OptionsGoBeforeTheConfig) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  dir.write("tokenizer_config.json", R"({"do_lower_case": false, "model_max_length": 77})");
  EXPECT_EQ(Tokenizer(dir.path()).kind(), "wordpiece (cased)");
  EXPECT_EQ(Tokenizer(dir.path()).model_max_length(), 77);
  EXPECT_EQ(tokens(Tokenizer(dir.path()), "A \xC3\xA9"), "[CLS] A \xC3\xA9 [SEP]");
  EXPECT_EQ(tokens(Tokenizer(dir.path(), {.do_lower_case = true}), "A \xC3\xA9"),
            "[CLS] a e [SEP]");
  EXPECT_EQ(tokens(Tokenizer(dir.path(), {.strip_accents = true}), "A \xC3\xA9"),
            "[CLS] A e [SEP]");
}

TEST(Tokenizer, SpecialTokensByNameOrObject) {
  const TempDir dir;
  dir.write("vocab.txt", "<unk>\n<s>\n</s>\na\n");
  dir.write(
      "tokenizer_config.json",
      R"({"unk_token": "<unk>", "cls_token": {"content": "<s>", "lstrip": false}, "sep_token": "</s>",
                "mask_token": null})");
  EXPECT_EQ(tokens(Tokenizer(dir.path()), "a x", "a</s>a"), "<s> a <unk> </s> a </s> a </s>");
}

TEST(Tokenizer, SpecialTokensMapWhereTheConfigIsSilent) {
  const TempDir dir;
  dir.write("vocab.txt", "[UNK]\n<s>\n</s>\na\n<e>\n");
  dir.write(
      "special_tokens_map.json",
      R"({"cls_token": "<s>", "sep_token": "</s>", "additional_special_tokens": ["<e>", "<none>"]})");
  EXPECT_EQ(tokens(Tokenizer(dir.path()), "a<e>a<none>"), "<s> a <e> a [UNK] [UNK] [UNK] </s>");
}

TEST(Tokenizer, AddedTokens) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  dir.write("added_tokens.json", R"({"NewWord": 19, "xyz": 18})");
  const Tokenizer t(dir.path());
  EXPECT_EQ(t.vocab_size(), 20);
  EXPECT_EQ(t.token(19), "NewWord");
  // Not special, so it is searched for in the normalised text: any case.
  EXPECT_EQ(tokens(t, "aNEWWORDb N\xC3\x89wword"), "[CLS] a NewWord b NewWord [SEP]");
  EXPECT_EQ(tokens(t, "newer xyzb"), "[CLS] [UNK] xyz b [SEP]");
}

TEST(Tokenizer, AddedTokensDecoderHasFlags) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  dir.write("tokenizer_config.json", R"({"added_tokens_decoder": {
      "18": {"content": "<X>", "lstrip": true, "rstrip": true, "normalized": false, "special": true},
      "19": {"content": "Word", "single_word": true, "normalized": false}}})");
  dir.write("added_tokens.json", R"({"ignored": 30})");
  const Tokenizer t(dir.path());
  EXPECT_EQ(t.vocab_size(), 20);
  EXPECT_EQ(tokens(t, "a <X> b<x>"), "[CLS] a <X> b [UNK] [UNK] [UNK] [SEP]");
  EXPECT_EQ(tokens(t, "Word Wordb word"), "[CLS] Word [UNK] [UNK] [SEP]");
  Encoding out;
  t.encode("a <X> b", std::nullopt, {.offsets = true}, &out);
  ASSERT_EQ(out.spans.size(), 5u);
  EXPECT_EQ(out.spans[2].begin, 1);
  EXPECT_EQ(out.spans[2].end, 6);
}

TEST(Tokenizer, SpansThroughNormalisationAndBadBytes) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  dir.write("added_tokens.json", R"({"NewWord": 18})");
  const Tokenizer t(dir.path());
  Encoding out;
  // Bytes: e-acute 0-2, bad 2-3, blank 3, [MASK] 4-10, NewWord 10-17, e + accent 18-21.
  t.encode("\xC3\x89\xFF [MASK]NEWword e\xCC\x81", "b", {.offsets = true}, &out);
  ASSERT_EQ(out.ids.size(), 8u);
  EXPECT_TRUE(out.bad_utf8);
  const std::vector<std::pair<int, int>> want{{0, 0},   {0, 2}, {4, 10}, {10, 17},
                                              {18, 19}, {0, 0}, {0, 1},  {0, 0}};
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(out.spans[i].begin, want[i].first) << i;
    EXPECT_EQ(out.spans[i].end, want[i].second) << i;
  }
  EXPECT_EQ(out.sides, (std::vector<int8_t>{-1, 0, 0, 0, 0, -1, 1, -1}));
}

TEST(Tokenizer, Truncation) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  const Tokenizer t(dir.path());
  Encoding out;
  EXPECT_EQ(tokens(t, "a b c", std::nullopt, {.max_length = 4}), "[CLS] a b [SEP]");
  EXPECT_EQ(tokens(t, "a b c", std::nullopt, {.max_length = 2}), "[CLS] [SEP]");
  EXPECT_EQ(tokens(t, "a b c", "a b c", {.max_length = 6}), "[CLS] a [SEP] a b [SEP]");
  EXPECT_EQ(tokens(t, "a b c", "a b c", {.max_length = 6, .pair_cut = PairCut::slow}),
            "[CLS] a b [SEP] a [SEP]");
  EXPECT_EQ(tokens(t, "a b c", "a b", {.max_length = 6, .truncation = Truncation::only_first}),
            "[CLS] a [SEP] a b [SEP]");
  t.encode("a b c", std::nullopt, {.max_length = 4}, &out);
  EXPECT_TRUE(out.truncated);
  t.encode("a b", std::nullopt, {.max_length = 4}, &out);
  EXPECT_FALSE(out.truncated);
  expect_error(ErrorKind::usage, {"maximum length 2", "pair", "3"},
               [&] { t.encode("a", "b", {.max_length = 2}, &out); });
  expect_error(ErrorKind::input, {"only_second"}, [&] {
    t.encode("a b c", "a", {.max_length = 5, .truncation = Truncation::only_second}, &out);
  });
}

TEST(Tokenizer, EncodingIsReused) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  const Tokenizer t(dir.path());
  Encoding out;
  t.encode("\xFF a b", "c", {.max_length = 5, .offsets = true}, &out);
  EXPECT_TRUE(out.bad_utf8);
  t.encode("a", std::nullopt, {}, &out);
  EXPECT_EQ(out.ids.size(), 3u);
  EXPECT_EQ(out.type_ids.size(), 3u);
  EXPECT_TRUE(out.spans.empty());
  EXPECT_TRUE(out.sides.empty());
  EXPECT_FALSE(out.bad_utf8);
  EXPECT_FALSE(out.truncated);
}

TEST(Tokenizer, VocabularyErrors) {
  const TempDir dir;
  const auto load = [&] { Tokenizer t(dir.path()); };
  expect_error(ErrorKind::model, {dir.path(), "no tokenizer", "vocab.txt"}, load);
  dir.write("vocab.txt", "[UNK]\n[CLS]\na\n");
  expect_error(ErrorKind::model, {"vocab.txt", "[SEP]"}, load);
  dir.write("vocab.txt", "[UNK]\n[SEP]\na\n");
  expect_error(ErrorKind::model, {"vocab.txt", "[CLS]"}, load);
  dir.write("vocab.txt", "[CLS]\n[SEP]\na\n");
  expect_error(ErrorKind::model, {"vocab.txt", "[UNK]"}, load);
  dir.write("vocab.txt", kVocab);
  dir.write("tokenizer_config.json", R"({"cls_token": "[START]"})");
  expect_error(ErrorKind::model, {"vocab.txt", "[START]", "cls_token", "tokenizer_config.json"},
               load);
  // After the last id it is an added token, for which the embedding may have a row.
  dir.write(
      "tokenizer_config.json",
      R"({"cls_token": "[START]", "added_tokens_decoder": {"18": {"content": "[START]", "special": true}}})");
  EXPECT_EQ(tokens(Tokenizer(dir.path()), "a"), "[START] a [SEP]");
}

TEST(Tokenizer, ConfigErrors) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  const auto refuse = [&](const std::string& config, std::vector<std::string> parts) {
    dir.write("tokenizer_config.json", config);
    parts.push_back("tokenizer_config.json");
    expect_error(ErrorKind::model, parts, [&] { Tokenizer t(dir.path()); });
  };
  refuse("", {"empty"});
  refuse("{\"do_lower_case\": tr", {"JSON"});
  refuse("[]", {"object"});
  refuse(R"({"do_lower_case": "false"})", {"do_lower_case", "\"false\""});
  refuse(R"({"do_lower_case": null})", {"do_lower_case"});
  refuse(R"({"strip_accents": 1})", {"strip_accents"});
  refuse(R"({"tokenize_chinese_chars": "no"})", {"tokenize_chinese_chars"});
  for (const char* bad : {"0", "-1", "\"512\"", "512.5", "true", "[]"}) {
    refuse(std::string("{\"model_max_length\": ") + bad + "}", {"model_max_length", bad});
  }
  refuse(R"({"cls_token": 5})", {"cls_token", "5"});
  refuse(R"({"cls_token": {"lstrip": false}})", {"cls_token", "content"});
  refuse(R"({"cls_token": {"content": "[CLS]", "lstrip": "yes"}})", {"cls_token", "lstrip"});
  refuse(R"({"additional_special_tokens": "x"})", {"additional_special_tokens"});
  refuse(R"({"added_tokens_decoder": []})", {"added_tokens_decoder"});
  refuse(R"({"added_tokens_decoder": {"x": {"content": "y"}}})", {"added_tokens_decoder", "\"x\""});
  refuse(R"({"added_tokens_decoder": {"-4": {"content": "y"}}})", {"added_tokens_decoder", "-4"});
  refuse(R"({"added_tokens_decoder": {"99999999999": {"content": "y"}}})", {"99999999999"});
  refuse(R"({"added_tokens_decoder": {"20": {}}})", {"added_tokens_decoder", "content"});
  // "a" has id 5, so a new token with that id would share a row of the embedding with it.
  refuse(R"({"added_tokens_decoder": {"5": {"content": "new!"}}})", {"new!", "5"});
  refuse(R"({"tokenizer_class": "BertJapaneseTokenizer"})",
         {"BertJapaneseTokenizer", "not supported"});
  refuse(R"({"tokenizer_class": "RobertaTokenizer"})", {"vocab.json", "RobertaTokenizer"});
}

TEST(Tokenizer, UnlimitedModelMaxLength) {
  const TempDir dir;
  dir.write("vocab.txt", kVocab);
  for (const char* value : {"1000000000000000019884624838656", "1e30", "null"}) {
    dir.write("tokenizer_config.json", std::string("{\"model_max_length\": ") + value + "}");
    EXPECT_EQ(Tokenizer(dir.path()).model_max_length(), std::nullopt) << value;
  }
  dir.write("tokenizer_config.json", "{\"model_max_length\": 512.0}");
  EXPECT_EQ(Tokenizer(dir.path()).model_max_length(), 512);
}

// Spans are in order, inside the text, and hold the token's text for ordinary ASCII words.
TEST(Tokenizer, SpansOfRandomTexts) {
  COSTEFF_NEED_SHARED("tokenizer/bert-base-uncased");
  const Tokenizer t(shared_path("tokenizer/bert-base-uncased"));
  const char* seed_text = std::getenv("COSTEFF_TEST_SEED");
  const unsigned seed = seed_text ? static_cast<unsigned>(std::strtoul(seed_text, nullptr, 10)) : 7;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> parts{"unaffable",
                                       "The",
                                       " ",
                                       "  ",
                                       "!",
                                       "\xC3\x89t\xC3\xA9",
                                       "[MASK]",
                                       "\t",
                                       "foo",
                                       "\xFF",
                                       "\xE4\xB8\xAD",
                                       "\xED\x95\x9C",
                                       "e\xCC\x81",
                                       "2024",
                                       "\xE2\x80\x8B",
                                       "xqzvw",
                                       "[mask]",
                                       "-"};
  for (int round = 0; round < 1000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += parts[random() % parts.size()];
    Encoding plain, got;
    t.encode(text, std::nullopt, {}, &plain);
    t.encode(text, std::nullopt, {.offsets = true}, &got);
    ASSERT_EQ(got.ids, plain.ids) << text;
    ASSERT_EQ(got.spans.size(), got.ids.size());
    int32_t at = 0;
    for (size_t i = 1; i + 1 < got.ids.size(); ++i) {
      const Span s = got.spans[i];
      ASSERT_LE(s.begin, s.end);
      ASSERT_LT(s.begin, s.end) << text;
      ASSERT_LE(s.end, static_cast<int32_t>(text.size()));
      // The jamo of one syllable share its span; nothing else goes back.
      ASSERT_TRUE(s.begin >= at || (i > 1 && s.begin == got.spans[i - 1].begin)) << text;
      at = s.end;
      std::string piece =
          text.substr(static_cast<size_t>(s.begin), static_cast<size_t>(s.end - s.begin));
      bool ascii = true;
      for (char& c : piece) {
        ascii = ascii && static_cast<uint8_t>(c) < 0x80;
        c = static_cast<char>(std::tolower(static_cast<uint8_t>(c)));
      }
      std::string token = t.token(got.ids[i]);
      if (!ascii || token == "[UNK]" || token == "[MASK]") continue;
      if (token.starts_with("##")) token.erase(0, 2);
      ASSERT_EQ(piece, token) << text;
    }
  }
}

}  // namespace
}  // namespace costeff::text
