// Kinds, ids, spans and ALBERT's re-cutting, on models of a few pieces.

#include "text/sentencepiece/sentencepiece_model.h"

#include <costeff/error.h>

#include "text/config/tokenizer_files.h"
#include "text/expect_error.h"
#include "text/spm_bytes.h"
#include "text/tokenizer.h"

namespace costeff::text {
namespace {

SpmFile file_of(const TestModel& model) { return parse_spm_bytes(model.bytes(), "m.model"); }

SentencePieceModel load(const TestModel& model, const char* tokenizer_class,
                        const AlbertOptions& albert = {}) {
  const SpmFile file = file_of(model);
  return SentencePieceModel(file, spm_kind(tokenizer_class, file), albert);
}

struct Pieces {
  std::vector<std::string> tokens;
  std::vector<std::string> bytes;  // of the text, by the spans
};

Pieces encode(const SentencePieceModel& model, const std::string& text) {
  SentencePieceModel::Scratch scratch;
  TokenSink with, without;
  with.reset(1 << 20, true, false);
  without.reset(1 << 20, false, false);
  model.encode(text, 0, &scratch, &with);
  model.encode(text, 0, &scratch, &without);
  EXPECT_EQ(with.ids, without.ids);
  Pieces answer;
  for (size_t i = 0; i < with.ids.size(); ++i) {
    answer.tokens.push_back(model.token(with.ids[i]));
    const Span s = with.spans[i];
    answer.bytes.push_back(text.substr(s.begin, s.end - s.begin));
  }
  return answer;
}

using Strings = std::vector<std::string>;
#define BLANK "\xE2\x96\x81"

TestModel albert_model() {
  TestModel m = small_model();
  m.pieces[1] = {"[CLS]", 0, 3};
  m.pieces[2] = {"[SEP]", 0, 3};
  return m;
}

TEST(SentencePieceModel, IdsOfXlmr) {
  const SentencePieceModel m = load(small_model(), "XLMRobertaTokenizerFast");
  EXPECT_STREQ(m.kind().name, "XLM-R");
  EXPECT_EQ(m.vocab_size(), 16);  // 14 pieces, one more before them, <mask> after them
  EXPECT_EQ(m.find("<s>"), 0);
  EXPECT_EQ(m.find("<pad>"), 1);
  EXPECT_EQ(m.find("</s>"), 2);
  EXPECT_EQ(m.find("<unk>"), 3);
  EXPECT_EQ(m.find("a"), 5);
  EXPECT_EQ(m.find("<mask>"), 15);
  EXPECT_EQ(m.find("nope"), -1);
  EXPECT_EQ(m.find(""), -1);
  EXPECT_EQ(m.token(0), "<s>");
  EXPECT_EQ(m.token(5), "a");
  EXPECT_EQ(m.token(15), "<mask>");
  EXPECT_EQ(m.token(16), "");
  EXPECT_EQ(m.token(-1), "");
}

TEST(SentencePieceModel, IdsOfCamembert) {
  const SentencePieceModel m = load(small_model(), "CamembertTokenizer");
  EXPECT_EQ(m.vocab_size(), 19);
  EXPECT_EQ(m.find("<s>NOTUSED"), 0);
  EXPECT_EQ(m.find("<pad>"), 1);
  EXPECT_EQ(m.find("<unk>"), 3);
  EXPECT_EQ(m.find("<s>"), 5);
  EXPECT_EQ(m.find("</s>"), 6);
  EXPECT_EQ(m.find("a"), 8);
  EXPECT_EQ(m.find("<mask>"), 18);
  TokenSink sink;
  sink.reset(10, false, false);
  SentencePieceModel::Scratch scratch;
  m.encode("z", 0, &scratch, &sink);
  EXPECT_EQ(sink.ids, (std::vector<int32_t>{7, 3}));
}

TEST(SentencePieceModel, IdsOfThePiecesThemselves) {
  TestModel model = small_model();
  std::swap(model.pieces[0], model.pieces[1]);
  const SentencePieceModel m = load(model, "");
  EXPECT_STREQ(m.kind().name, "BARThez");
  EXPECT_EQ(m.vocab_size(), 14);
  EXPECT_EQ(m.find("<s>"), 0);
  EXPECT_EQ(m.find("<unk>"), 1);
  EXPECT_EQ(m.find("<mask>"), -1);
}

TEST(SentencePieceModel, KindByClassAndByPieces) {
  const SpmFile fairseq = file_of(small_model()), albert = file_of(albert_model());
  EXPECT_STREQ(spm_kind("", fairseq).name, "XLM-R");
  EXPECT_STREQ(spm_kind("PreTrainedTokenizerFast", fairseq).name, "XLM-R");
  EXPECT_STREQ(spm_kind("", albert).name, "ALBERT");
  EXPECT_STREQ(spm_kind("CamembertTokenizer", fairseq).name, "CamemBERT");
  EXPECT_STREQ(spm_kind("BarthezTokenizerFast", fairseq).name, "BARThez");
  expect_error(ErrorKind::model, {"m.model", "T5Tokenizer"},
               [&] { spm_kind("T5Tokenizer", fairseq); });
  TestModel late = small_model();
  std::swap(late.pieces[0], late.pieces[1]);
  expect_error(ErrorKind::model, {"piece 1", "expected piece 0"},
               [&] { spm_kind("XLMRobertaTokenizer", file_of(late)); });
}

TEST(SentencePieceModel, PiecesAndSpans) {
  const SentencePieceModel m = load(small_model(), "XLMRobertaTokenizer");
  const Pieces a = encode(m,
                          "  ab  caab z\xC3\xA9"
                          "b");
  EXPECT_EQ(a.tokens, (Strings{BLANK "ab", BLANK, "c", "a", "ab", BLANK, "<unk>", "b"}));
  EXPECT_EQ(a.bytes, (Strings{"ab", "c", "c", "a", "ab", "z", "z\xC3\xA9", "b"}));
  EXPECT_TRUE(encode(m, "").tokens.empty());
  EXPECT_TRUE(encode(m, "   ").tokens.empty());
  EXPECT_EQ(encode(m, "<s>").tokens, (Strings{BLANK, "<unk>"}));
}

TEST(SentencePieceModel, NormalisesByTheTable) {
  TestModel model = small_model();
  model.charsmap = TestCharsmap('A', "ab").bytes();
  const SentencePieceModel m = load(model, "");
  const Pieces a = encode(m, "cA");
  EXPECT_EQ(a.tokens, (Strings{BLANK, "c", "ab"}));
  EXPECT_EQ(a.bytes, (Strings{"c", "c", "A"}));
}

TEST(SentencePieceModel, BpeModels) {
  TestModel model = small_model();
  model.model_type = 2;
  const Pieces a = encode(load(model, ""), "cab aa");
  EXPECT_EQ(a.tokens, (Strings{BLANK, "c", "ab", BLANK, "aa"}));
  EXPECT_EQ(a.bytes, (Strings{"c", "c", "ab", "a", "aa"}));
}

// A piece like "12," is cut again without the comma, as AlbertTokenizer does.
TEST(SentencePieceModel, AlbertCutsDigitCommaAgain) {
  const Pieces plain = encode(load(small_model(), "XLMRobertaTokenizer"), "a 12,c");
  EXPECT_EQ(plain.tokens, (Strings{BLANK, "a", BLANK, "12,", "c"}));
  const Pieces albert = encode(load(albert_model(), "AlbertTokenizer"), "A 12,c");
  EXPECT_EQ(albert.tokens, (Strings{BLANK, "a", BLANK, "1", "2", ",", "c"}));
  EXPECT_EQ(albert.bytes, (Strings{"A", "A", "1", "1", "2", ",", "c"}));
}

TEST(SentencePieceModel, DuplicatePieceIsRefused) {
  TestModel model = small_model();
  model.pieces.push_back({"ab", -1});
  expect_error(ErrorKind::model, {"m.model", "sentencepiece"}, [&] { load(model, ""); });
}

TEST(SentencePieceModel, TooLongText) {
  const SentencePieceModel m = load(small_model(), "");
  expect_error(ErrorKind::input, {"33554433 bytes"},
               [&] { encode(m, std::string((32u << 20) + 1, 'a')); });
}

// As in transformers' AutoTokenizer: tokenizer_config.json's class, config.json's class, the
// model's type; then the pieces.
TEST(SentencePieceModel, KindOfADirectory) {
  const auto kind = [](const char* tokenizer_config, const char* config) {
    std::map<std::string, std::string> files = {{"sentencepiece.bpe.model", small_model().bytes()}};
    if (*tokenizer_config) files["tokenizer_config.json"] = tokenizer_config;
    if (*config) files["config.json"] = config;
    return Tokenizer(TokenizerFiles("m", files)).kind();
  };
  const std::string xlmr = "sentencepiece (XLM-R)", camembert = "sentencepiece (CamemBERT)";
  EXPECT_EQ(kind("", ""), xlmr);
  EXPECT_EQ(kind("", R"({"model_type": "camembert"})"), camembert);
  EXPECT_EQ(kind("{}", R"({"model_type": "camembert"})"), camembert);
  EXPECT_EQ(kind(R"({"tokenizer_class": "PreTrainedTokenizerFast"})",
                 R"({"model_type": "camembert", "tokenizer_class": null})"),
            camembert);
  EXPECT_EQ(kind("", R"({"model_type": "xlm-roberta"})"), xlmr);
  EXPECT_EQ(kind("", R"({"model_type": "roberta"})"), xlmr);
  EXPECT_EQ(kind("", R"({"model_type": "mbart"})"), xlmr);
  EXPECT_EQ(kind("", R"({"model_type": "barthez"})"), "sentencepiece (BARThez)");
  EXPECT_EQ(kind("", R"({"model_type": "xlm-roberta", "tokenizer_class": "CamembertTokenizer"})"),
            camembert);
  EXPECT_EQ(kind(R"({"tokenizer_class": "XLMRobertaTokenizer"})", R"({"model_type": "camembert"})"),
            xlmr);
  // config.json is not read at all if tokenizer_config.json has the class.
  EXPECT_EQ(kind(R"({"tokenizer_class": "CamembertTokenizerFast"})", "no JSON"), camembert);
  expect_error(ErrorKind::model, {"m/config.json: not valid JSON"}, [&] { kind("", "no JSON"); });
  expect_error(ErrorKind::model, {"m/config.json: model_type is 5, expected a string"},
               [&] { kind("", R"({"model_type": 5})"); });
  expect_error(ErrorKind::model,
               {"m/config.json: tokenizer_class BertweetTokenizer is not supported"},
               [&] { kind("", R"({"tokenizer_class": "BertweetTokenizer"})"); });
}

TEST(SentencePieceModel, CamembertWithoutAClassHasCamembertsIds) {
  const TokenizerFiles files("m", {{"sentencepiece.bpe.model", small_model().bytes()},
                                   {"config.json", R"({"model_type": "camembert"})"}});
  Encoding out;
  Tokenizer(files).encode("a", std::nullopt, {}, &out);
  ASSERT_FALSE(out.ids.empty());
  EXPECT_EQ(out.ids.front(), 5);  // <s>
  EXPECT_EQ(out.ids.back(), 6);   // </s>
}

}  // namespace
}  // namespace costeff::text
