#include "text/config/tokenizer_class.h"

#include <algorithm>
#include <array>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/sentencepiece/spm_kind.h"

namespace costeff::text {
namespace {

constexpr const char* kVocabTxt = "vocab.txt";
constexpr const char* kVocabJson = "vocab.json and merges.txt";
constexpr const char* kSentencePiece = "sentencepiece.bpe.model";

struct KnownClass {
  std::string_view name;
  ClassFamily family;
  const char* files;
};
constexpr KnownClass kKnownClasses[] = {
    {"BertTokenizer", ClassFamily::bert, kVocabTxt},
    {"DistilBertTokenizer", ClassFamily::bert, kVocabTxt},
    {"ElectraTokenizer", ClassFamily::bert, kVocabTxt},
    {"MobileBertTokenizer", ClassFamily::bert, kVocabTxt},
    {"SqueezeBertTokenizer", ClassFamily::bert, kVocabTxt},
    {"ConvBertTokenizer", ClassFamily::bert, kVocabTxt},
    {"RetriBertTokenizer", ClassFamily::bert, kVocabTxt},
    {"LayoutLMTokenizer", ClassFamily::bert, kVocabTxt},
    {"LxmertTokenizer", ClassFamily::bert, kVocabTxt},
    {"DPRQuestionEncoderTokenizer", ClassFamily::bert, kVocabTxt},
    {"DPRContextEncoderTokenizer", ClassFamily::bert, kVocabTxt},
    {"DPRReaderTokenizer", ClassFamily::bert, kVocabTxt},
    {"RobertaTokenizer", ClassFamily::byte_bpe, kVocabJson},
    {"LongformerTokenizer", ClassFamily::byte_bpe, kVocabJson},
    {"BartTokenizer", ClassFamily::byte_bpe, kVocabJson},
    {"LEDTokenizer", ClassFamily::byte_bpe, kVocabJson},
    {"XLMRobertaTokenizer", ClassFamily::spm, kSentencePiece},
    {"CamembertTokenizer", ClassFamily::spm, kSentencePiece},
    {"BarthezTokenizer", ClassFamily::spm, kSentencePiece},
    {"AlbertTokenizer", ClassFamily::spm, "spiece.model"},
    {"PreTrainedTokenizer", ClassFamily::none, nullptr},
    {"TokenizersBackend", ClassFamily::json, nullptr},
};

// Classes whose files look like those of a supported one, but which do more than the files say.
constexpr std::string_view kRefused[] = {
    "BertJapaneseTokenizer", "BertweetTokenizer", "BigBirdTokenizer",  "CLIPTokenizer",
    "CTRLTokenizer",         "DebertaTokenizer",  "EsmTokenizer",      "FlaubertTokenizer",
    "FunnelTokenizer",       "GPT2Tokenizer",     "LukeTokenizer",     "MPNetTokenizer",
    "PhobertTokenizer",      "RoFormerTokenizer", "SplinterTokenizer", "TapasTokenizer",
    "XLMTokenizer"};

std::string_view class_of_model(std::string_view model_type) {
  constexpr std::pair<std::string_view, std::string_view> kClasses[] = {
      {"bert", "BertTokenizer"},
      {"distilbert", "DistilBertTokenizer"},
      {"electra", "ElectraTokenizer"},
      {"mobilebert", "MobileBertTokenizer"},
      {"roberta", "RobertaTokenizer"},
      {"longformer", "LongformerTokenizer"},
      {"bart", "BartTokenizer"},
      {"ernie", "BertTokenizer"},
      {"data2vec-text", "RobertaTokenizer"}};
  for (const auto& [type, name] : kClasses) {
    if (type == model_type) return name;
  }
  return spm_class_of_model(model_type);
}

}  // namespace

TokenizerClass tokenizer_class(const TokenizerConfig& config) {
  TokenizerClass c;
  std::string_view name = config.tokenizer_class;
  if (name == "PreTrainedTokenizerFast") name = "TokenizersBackend";  // its name since 5.0
  c.is_fast = name.ends_with("Fast");
  if (c.is_fast) name.remove_suffix(4);
  if (name.empty()) name = class_of_model(config.model_type);
  c.name = name;
  if (std::find(std::begin(kRefused), std::end(kRefused), name) != std::end(kRefused)) {
    refuse_class(config);
  }
  if (name.empty()) return c;
  const auto* known = std::find_if(std::begin(kKnownClasses), std::end(kKnownClasses),
                                   [&](const KnownClass& k) { return k.name == name; });
  if (known == std::end(kKnownClasses)) {
    c.family = ClassFamily::other;
    return c;
  }
  c.family = known->family;
  c.files = known->files;
  return c;
}

void refuse_class(const TokenizerConfig& config) {
  std::string names;
  for (const KnownClass& k : kKnownClasses) {
    if (k.family == ClassFamily::json || k.family == ClassFamily::none) continue;
    names.append(names.empty() ? "" : ", ").append(k.name);
  }
  fail_model(
      "{}: tokenizer_class {} is not supported, expected one of {}, or PreTrainedTokenizerFast "
      "with "
      "a complete tokenizer.json",
      config.class_file, printable(config.tokenizer_class, 60), names);
}

}  // namespace costeff::text
