#include "text/config/tokenizer_class.h"

#include "text/config/tokenizer_files.h"
#include "text/expect_error.h"
#include "text/tokenizer.h"

namespace costeff::text {
namespace {

using Files = std::map<std::string, std::string>;

// Lower case by the defaults of vocab.txt, cased by tokenizer.json.
constexpr const char* kVocabTxt = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nA\n";
constexpr const char* kCasedJson = R"({
  "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                 "strip_accents": null, "lowercase": false},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
  "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "a": 5, "A": 6}}})";

std::string class_config(const std::string& name) {
  return "{\"tokenizer_class\": \"" + name + "\"}";
}

int32_t id_of_upper_a(const Files& files) {
  Encoding out;
  Tokenizer(TokenizerFiles("m", files)).encode("A", std::nullopt, {}, &out);
  return out.ids.size() == 3 ? out.ids[1] : -1;
}

// Which of the files decides, depending on the class: 5 is "a", 6 is "A".
TEST(TokenizerClass, DecidesWhichFileCounts) {
  const struct {
    const char* name;
    bool vocab, json;
    int32_t id;
  } kCases[] = {
      {"BertTokenizer", true, false, 5},
      {"BertTokenizer", true, true, 5},
      {"BertTokenizer", false, true, 5},
      {"BertTokenizerFast", false, true, 5},
      {"DistilBertTokenizer", true, false, 5},
      {"ElectraTokenizerFast", true, true, 5},
      {"MobileBertTokenizer", true, false, 5},
      {"PreTrainedTokenizerFast", true, true, 6},
      {"PreTrainedTokenizerFast", false, true, 6},
      {"TokenizersBackend", true, true, 6},
      {"TokenizersBackend", false, true, 6},
      {"RobertaTokenizerFast", true, true, 6},
      {"RobertaTokenizer", false, true, 6},
      {"XLMRobertaTokenizer", false, true, 6},
      {"AlbertTokenizerFast", true, true, 6},
      {"SomethingTokenizerFast", true, true, 6},
      {"SomethingTokenizer", false, true, 6},
      {"PreTrainedTokenizer", true, false, 5},
      {"", true, false, 5},
      {"", false, true, 6},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.name) + (c.vocab ? " vocab.txt" : "") +
                 (c.json ? " tokenizer.json" : ""));
    Files files;
    if (*c.name) files["tokenizer_config.json"] = class_config(c.name);
    if (c.vocab) files["vocab.txt"] = kVocabTxt;
    if (c.json) files["tokenizer.json"] = kCasedJson;
    EXPECT_EQ(id_of_upper_a(files), c.id);
  }
}

TEST(TokenizerClass, ImpliedByTheModelIfNoFileNamesOne) {
  const struct {
    const char* model_type;
    int32_t id;
  } kCases[] = {{"bert", 5},    {"distilbert", 5},    {"electra", 5},    {"ernie", 5},
                {"roberta", 6}, {"data2vec-text", 6}, {"xlm-roberta", 6}};
  for (const auto& c : kCases) {
    const std::string config = std::string("{\"model_type\": \"") + c.model_type + "\"}";
    EXPECT_EQ(
        id_of_upper_a(
            {{"config.json", config}, {"vocab.txt", kVocabTxt}, {"tokenizer.json", kCasedJson}}),
        c.id)
        << c.model_type;
    EXPECT_EQ(id_of_upper_a({{"config.json", config}, {"vocab.txt", kVocabTxt}}), 5);
  }
}

TEST(TokenizerClass, OtherClassesAreRefusedByName) {
  const struct {
    const char* name;
    bool json;
  } kCases[] = {
      {"KoBertTokenizer", false},      {"KoBertTokenizer", true},
      {"KoBertTokenizerFast", false},  {"XLNetTokenizer", false},
      {"T5Tokenizer", false},          {"T5Tokenizer", true},
      {"EsmTokenizer", false},         {"EsmTokenizer", true},
      {"BertJapaneseTokenizer", true}, {"BertJapaneseTokenizer", false},
      {"BertweetTokenizer", false},    {"MPNetTokenizerFast", true},
      {"RoFormerTokenizerFast", true}, {"bertTokenizer", false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.name) + (c.json ? " tokenizer.json" : ""));
    Files files{{"vocab.txt", kVocabTxt}, {"tokenizer_config.json", class_config(c.name)}};
    if (c.json) files["tokenizer.json"] = kCasedJson;
    expect_error(
        ErrorKind::model,
        {"m/tokenizer_config.json: tokenizer_class ", c.name, "not supported",
         "BertTokenizer, DistilBertTokenizer", "AlbertTokenizer", "PreTrainedTokenizerFast"},
        [&] { Tokenizer(TokenizerFiles("m", files)); });
  }
}

TEST(TokenizerClass, NeedsAFileThatDoesNotExist) {
  for (const char* name : {"PreTrainedTokenizerFast", "TokenizersBackend"}) {
    expect_error(ErrorKind::model, {"m: no tokenizer.json", name, "tokenizer_config.json"}, [&] {
      Tokenizer(TokenizerFiles(
          "m", Files{{"vocab.txt", kVocabTxt}, {"tokenizer_config.json", class_config(name)}}));
    });
  }
  expect_error(ErrorKind::model, {"m: no vocab.txt", "BertTokenizer"}, [&] {
    Tokenizer(TokenizerFiles("m", Files{{"tokenizer_config.json", class_config("BertTokenizer")}}));
  });
}

// The side that texts are cut from: that of tokenizer_config.json, else that of tokenizer.json.
TEST(TokenizerClass, TruncationSide) {
  std::string left_json = kCasedJson;
  left_json.insert(1, R"("truncation": {"direction": "Left", "max_length": 3,
    "strategy": "LongestFirst", "stride": 0},)");
  const std::string fast = R"("tokenizer_class": "TokenizersBackend")";
  const struct {
    std::string config, json;
    bool left;
  } kCases[] = {
      {R"({"do_lower_case": false})", "", false},
      {R"({"do_lower_case": false, "truncation_side": "left"})", "", true},
      {R"({"do_lower_case": false, "truncation_side": "right"})", "", false},
      {"{" + fast + "}", left_json, true},
      {"{" + fast + R"(, "truncation_side": "right"})", left_json, false},
      {"{" + fast + R"(, "truncation_side": "left"})", kCasedJson, true},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.config);
    Files files{{"tokenizer_config.json", c.config}};
    files[c.json.empty() ? "vocab.txt" : "tokenizer.json"] = c.json.empty() ? kVocabTxt : c.json;
    const Tokenizer t(TokenizerFiles("m", files));
    EXPECT_EQ(t.truncates_left(), c.left);
    Encoding out;
    t.encode("a A a A", std::nullopt, {.max_length = 3}, &out);
    EXPECT_EQ(out.ids, (std::vector<int32_t>{2, c.left ? 6 : 5, 3}));
    EXPECT_TRUE(out.truncated);
    t.encode("a A a A", std::nullopt, {}, &out);
    EXPECT_EQ(out.ids.size(), 6u);  // the file's own length is not used
  }
  for (const char* value : {"\"LEFT\"", "1", "null"}) {
    const std::string config = std::string("{\"truncation_side\": ") + value + "}";
    expect_error(ErrorKind::model, {"truncation_side is ", value, "left or right"}, [&] {
      Tokenizer(
          TokenizerFiles("m", Files{{"vocab.txt", kVocabTxt}, {"tokenizer_config.json", config}}));
    });
  }
}

TEST(TokenizerClass, ModelMaxLengthHasAnOlderName) {
  const auto length = [](const char* config) {
    return Tokenizer(TokenizerFiles(
                         "m", Files{{"vocab.txt", kVocabTxt}, {"tokenizer_config.json", config}}))
        .model_max_length();
  };
  EXPECT_EQ(length(R"({"max_len": 40})"), 40);
  EXPECT_EQ(length(R"({"max_len": 40, "model_max_length": 50})"), 50);
  EXPECT_EQ(length(R"({"max_len": 40, "model_max_length": null})"), std::nullopt);
}

}  // namespace
}  // namespace costeff::text
