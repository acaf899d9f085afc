#include "text/json/tokenizer_json.h"

#include <fmt/core.h>

#include "shared_data.h"
#include "text/expect_error.h"
#include "text/golden_rows.h"
#include "text/temp_dir.h"

namespace costeff::text {
namespace {

using nlohmann::json;

json wordpiece_file() {
  return json::parse(R"({
    "added_tokens": [{"id": 1, "content": "[CLS]", "special": true, "normalized": false}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                   "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 5, "A": 6}}})");
}

std::string tokens(const std::string& dir, const char* a,
                   std::optional<std::string_view> b = std::nullopt) {
  const Tokenizer t(dir);
  Encoding out;
  t.encode(a, b, {}, &out);
  std::string text;
  for (size_t i = 0; i < out.ids.size(); ++i) {
    text += fmt::format("{}{}/{}", text.empty() ? "" : " ", t.token(out.ids[i]), out.type_ids[i]);
  }
  return text;
}

TEST(TokenizerJson, WordPiece) {
  const TempDir dir;
  dir.write("tokenizer.json", wordpiece_file().dump());
  EXPECT_EQ(tokens(dir.path(), "ab[CLS]A", "a"),
            "[CLS]/0 a/0 ##b/0 [CLS]/0 a/0 [SEP]/0 a/1 [SEP]/1");
  EXPECT_EQ(Tokenizer(dir.path()).vocab_size(), 7);
  EXPECT_EQ(Tokenizer(dir.path()).vocab_file(), dir.path() + "/tokenizer.json");
}

TEST(TokenizerJson, NormaliserFlags) {
  const TempDir dir;
  json file = wordpiece_file();
  file["normalizer"]["lowercase"] = false;
  dir.write("tokenizer.json", file.dump());
  EXPECT_EQ(tokens(dir.path(), "A"), "[CLS]/0 A/0 [SEP]/0");
  // The BERT classes put their own setting over the file's; if it is absent, that is true.
  dir.write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer"})");
  EXPECT_EQ(tokens(dir.path(), "A"), "[CLS]/0 a/0 [SEP]/0");
  dir.write("tokenizer_config.json", R"({"tokenizer_class": "PreTrainedTokenizerFast"})");
  EXPECT_EQ(tokens(dir.path(), "A"), "[CLS]/0 A/0 [SEP]/0");
}

TEST(TokenizerJson, Template) {
  const TempDir dir;
  json file = wordpiece_file();
  file["post_processor"] = json::parse(R"({"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "C", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "B", "type_id": 2}}, {"SpecialToken": {"id": "S", "type_id": 1}},
             {"Sequence": {"id": "A", "type_id": 0}}],
    "special_tokens": {"C": {"id": "C", "ids": [1], "tokens": ["[CLS]"]},
                       "S": {"id": "S", "ids": [2, 2], "tokens": ["[SEP]", "[SEP]"]}}})");
  dir.write("tokenizer.json", file.dump());
  EXPECT_EQ(tokens(dir.path(), "a"), "[CLS]/0 a/0");
  EXPECT_EQ(tokens(dir.path(), "a", "A"), "a/2 [SEP]/1 [SEP]/1 a/0");
  EXPECT_EQ(Tokenizer(dir.path()).special_tokens(true), 2);
}

TEST(TokenizerJson, Errors) {
  const TempDir dir;
  const auto refuse = [&](const char* pointer, const json& value, std::vector<std::string> parts) {
    json file = wordpiece_file();
    file[json::json_pointer(pointer)] = value;
    parts.push_back(dir.write("tokenizer.json", file.dump()));
    expect_error(ErrorKind::model, parts, [&] { Tokenizer t(dir.path()); });
  };
  refuse("/model/type", "Word2Vec", {"model", "Word2Vec", "WordPiece, WordLevel, BPE or Unigram"});
  refuse("/model/type", "Unigram", {"model", "vocab", "expected a list"});
  refuse("/model", nullptr, {"model"});
  refuse("/model/vocab", json::array(), {"vocab"});
  refuse("/model/vocab", json::object(), {"no tokens"});
  refuse("/model/vocab/a", "3", {"\"a\"", "\"3\""});
  refuse("/model/vocab/a", -3, {"\"a\"", "-3"});
  refuse("/model/vocab/a", 18446744073709551615u, {"\"a\""});
  refuse("/model/vocab/a", 5, {"\"a\"", "5"});
  refuse("/model/continuing_subword_prefix", nullptr, {"continuing_subword_prefix"});
  refuse("/model/max_input_chars_per_word", -1, {"max_input_chars_per_word", "-1"});
  refuse("/model/unk_token", "[NONE]", {"[NONE]"});
  refuse("/normalizer/type", "Cyrillic", {"normalizer", "Cyrillic", "NFKC, NFKD, Nmt"});
  refuse("/normalizer", "NFC", {"normalizer", "\"NFC\"", "an object"});
  refuse("/normalizer/lowercase", "yes", {"lowercase"});
  refuse("/pre_tokenizer/type", "UnicodeScripts",
         {"pre_tokenizer", "UnicodeScripts", "Whitespace, WhitespaceSplit or Sequence"});
  refuse("/pre_tokenizer/type", nullptr, {"pre_tokenizer", "type"});
  refuse("/post_processor/type", "Magic", {"post_processor", "Magic", "TemplateProcessing"});
  refuse("/post_processor/type", "Sequence", {"post_processor", "processors"});
  refuse("/post_processor/sep", json::parse(R"(["[SEP]", 77])"), {"post_processor", "77"});
  refuse("/post_processor/sep", json::parse(R"(["[SEP]", -1])"), {"sep"});
  refuse("/post_processor/sep", "x", {"sep"});
  refuse("/added_tokens/0/id", 4000000000u, {"added_tokens", "4000000000"});
  refuse("/added_tokens/0", json::parse(R"({"id": 9, "content": 1})"), {"added_tokens", "content"});
  refuse("/post_processor",
         json::parse(R"({"type": "TemplateProcessing", "special_tokens": {}, "pair": [],
    "single": [{"SpecialToken": {"id": "X", "type_id": 0}}]})"),
         {"special_tokens", "X"});
  refuse("/post_processor",
         json::parse(R"({"type": "TemplateProcessing", "special_tokens": {}, "pair": [],
    "single": []})"),
         {"single", "A once"});
}

TEST(TokenizerJson, BpeErrors) {
  const TempDir dir;
  const auto refuse = [&](const char* pointer, const json& value, std::vector<std::string> parts) {
    json file = json::parse(R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
      "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]},
      "model": {"type": "BPE", "unk_token": "<s>", "vocab": {"<s>": 0, "</s>": 1, "a": 2}, "merges": []}})");
    file[json::json_pointer(pointer)] = value;
    parts.push_back(dir.write("tokenizer.json", file.dump()));
    expect_error(ErrorKind::model, parts, [&] { Tokenizer t(dir.path()); });
  };
  refuse("/model/dropout", 0.1, {"dropout 0.1", "random"});
  refuse("/model/byte_fallback", "yes", {"byte_fallback"});
  refuse("/model/merges", json::parse(R"(["a a"])"), {"merges", "aa"});
  refuse("/model/merges", json::parse(R"(["a"])"), {"merges[0]", "\"a\""});
  refuse("/model/merges", json::parse(R"([["a", "a", "a"]])"), {"merges[0]"});
  refuse("/model/merges", json::parse(R"([["a", 1]])"), {"merges[0]"});
  refuse("/model/merges", "a a", {"merges"});
  refuse("/pre_tokenizer/type", "Metaspace", {"pre_tokenizer", "replacement"});
}

// Wrong parts of a file, and what the message says about them.
TEST(TokenizerJson, StepErrors) {
  const struct {
    const char *key, *part;
    std::vector<std::string> says;
  } kCases[] = {
      {"normalizer",
       R"({"type": "Replace", "pattern": {"Regex": "(?<=a)b"}, "content": ""})",
       {"normalizer: pattern \"(?<=a)b\"", "\"(?<=\"", "not supported"}},
      {"normalizer",
       R"({"type": "Replace", "pattern": {"Glob": "a"}, "content": ""})",
       {"pattern: no \"String\""}},
      {"normalizer", R"({"type": "Replace", "pattern": {"String": "a"}})", {"no \"content\""}},
      {"normalizer",
       R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "X"}]})",
       {"normalizer[1]: X is not supported"}},
      {"normalizer",
       R"({"type": "Precompiled", "precompiled_charsmap": "?"})",
       {"precompiled_charsmap", "base64"}},
      {"normalizer",
       R"({"type": "Precompiled", "precompiled_charsmap": "AAAA"})",
       {"precompiled_charsmap", "too short"}},
      {"normalizer", R"({"type": "Strip", "strip_left": 1})", {"strip_left"}},
      {"pre_tokenizer",
       R"({"type": "Metaspace", "replacement": "__"})",
       {"replacement is \"__\", expected one character"}},
      {"pre_tokenizer",
       R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"})",
       {"prepend_scheme last", "always, first or never"}},
      {"pre_tokenizer",
       R"({"type": "Split", "pattern": {"String": " "}, "behavior": "Kept"})",
       {"behavior Kept", "Contiguous"}},
      {"pre_tokenizer", R"({"type": "FixedLength", "length": 0})", {"length", "0"}},
      {"post_processor",
       R"({"type": "Sequence", "processors": [
         {"type": "BertProcessing", "sep": ["a", 0], "cls": ["a", 0]},
         {"type": "BertProcessing", "sep": ["a", 0], "cls": ["a", 0]}]})",
       {"post_processor[1]", "BertProcessing after another"}},
      {"added_tokens",
       R"([{"id": 7, "content": "new"}])",
       {"added_tokens", "\"new\" has id 7", "is 2"}},
      {"model", R"({"type": "Unigram", "vocab": [["a", 0]], "unk_id": 1})", {"unk_id", "1"}},
      {"model", R"({"type": "Unigram", "vocab": [["a", "b"]]})", {"vocab[0]", "[piece, score]"}},
      {"model", R"({"type": "Unigram", "vocab": []})", {"no pieces"}},
      {"model",
       R"({"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "u"})",
       {"unk_token is \"u\"", "lacks"}},
      {"model",
       R"({"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "u"})",
       {"unk_token is \"u\"", "lacks"}},
      {"model",
       R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]})",
       {"merges[0]", "\"aa\"", "lacks"}},
  };
  const TempDir dir;
  for (const auto& c : kCases) {
    json file = json::parse(R"({"pre_tokenizer": {"type": "Whitespace"},
      "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 1}}})");
    file[c.key] = json::parse(c.part);
    SCOPED_TRACE(c.part);
    std::vector<std::string> says = c.says;
    says.push_back(dir.write("tokenizer.json", file.dump()));
    expect_error(ErrorKind::model, says, [&] { Tokenizer t(dir.path()); });
  }
}

// Only a text shows what is missing.
TEST(TokenizerJson, UnigramWithoutAnUnknownToken) {
  const TempDir dir;
  dir.write("tokenizer.json", R"({"model": {"type": "Unigram", "vocab": [["a", -1], ["b", -2]]}})");
  EXPECT_EQ(tokens(dir.path(), "ab"), "a/0 b/0");
  EXPECT_EQ(tokens(dir.path(), "", ""), "");
  expect_error(ErrorKind::input, {"\"\xC3\xA9\"", "unk_id"},
               [&] { tokens(dir.path(), "a\xC3\xA9"); });
}

// The golden rows again, from tokenizer.json alone.
class TokenizerJsonGolden : public testing::TestWithParam<const char*> {};

TEST_P(TokenizerJsonGolden, Rows) {
  const std::string set = std::string("tokenizer/") + GetParam();
  COSTEFF_NEED_SHARED(set);
  const TempDir dir;
  dir.write("tokenizer.json", read_whole(shared_path(set + "/tokenizer.json")));
  const Tokenizer alone(dir.path());
  dir.write("tokenizer_config.json", read_whole(shared_path(set + "/tokenizer_config.json")));
  const Tokenizer with_config(dir.path());
  int rows = 0;
  for (const auto& row : read_rows(shared_path(set + "/golden.jsonl"))) {
    ++rows;
    const GoldenRequest request = golden_request(row);
    for (const Tokenizer* t : {&alone, &with_config}) {
      const Encoding got = encode_request(*t, request);
      ASSERT_EQ(got.ids, ids_of(row, "input_ids")) << row.dump().substr(0, 600);
      ASSERT_EQ(got.type_ids, ids_of(row, "token_type_ids"));
    }
  }
  EXPECT_GT(rows, 0);
}

INSTANTIATE_TEST_SUITE_P(Sets, TokenizerJsonGolden,
                         testing::Values("bert-base-uncased", "roberta-base"), [](const auto& set) {
                           std::string name = set.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace costeff::text
