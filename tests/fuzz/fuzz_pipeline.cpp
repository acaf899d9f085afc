// A tokenizer.json made from the input: its bytes choose the steps and the model, and words of the
// input are vocabulary, patterns and texts. So nearly every input is a tokenizer; random changes of
// JSON text rarely are.

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/utf8.h"
#include "fuzz/check_tokenizer.h"
#include "text/config/tokenizer_files.h"

using namespace costeff;
using namespace costeff::text;
using nlohmann::json;

namespace {

// UTF-8 of up to 7 bytes of the input, as JSON needs it.
std::string word(fuzz::Input* input) {
  const std::string_view bytes = input->take(input->byte() % 8);
  std::string text;
  bool bad = false;
  for (size_t at = 0; at < bytes.size();) append_utf8(next_code_point(bytes, &at, &bad), &text);
  return text;
}

json pattern(fuzz::Input* input) {
  static constexpr const char* kPatterns[] = {"\\s+",
                                              " {2,}",
                                              "\\w+|[^\\w\\s]+",
                                              "(?i:'s|'t)|\\p{L}+|\\p{N}{1,3}",
                                              "a*",
                                              ".",
                                              "^a|b$",
                                              "(?>a+)(?!b)",
                                              "[^a-c\\d]+?",
                                              "\\bthe\\b|x{,2}"};
  const uint8_t choice = input->byte();
  if (choice < 60) return {{"Regex", kPatterns[choice % std::size(kPatterns)]}};
  return {{choice < 160 ? "Regex" : "String", word(input)}};
}

json normalizer(fuzz::Input* input) {
  static constexpr const char* kTypes[] = {"NFC",       "NFD",     "NFKC",           "NFKD",
                                           "Lowercase", "Strip",   "StripAccents",   "Replace",
                                           "Nmt",       "Prepend", "BertNormalizer", "ByteLevel"};
  json step = {{"type", kTypes[input->byte() % std::size(kTypes)]}};
  const uint8_t flags = input->byte();
  for (const char* key : {"clean_text", "lowercase", "strip_left", "handle_chinese_chars"}) {
    step[key] = (flags & 1) != 0;
  }
  step["strip_right"] = (flags & 2) != 0;
  step["strip_accents"] = (flags & 4) != 0;
  if (step["type"] == "Replace") {
    step["pattern"] = pattern(input);
    step["content"] = word(input);
  }
  if (step["type"] == "Prepend") step["prepend"] = word(input);
  return step;
}

json pre_tokenizer(fuzz::Input* input) {
  static constexpr const char* kTypes[] = {
      "Whitespace",  "WhitespaceSplit",   "BertPreTokenizer", "Punctuation",
      "Digits",      "Metaspace",         "ByteLevel",        "Split",
      "FixedLength", "CharDelimiterSplit"};
  static constexpr const char* kBehaviors[] = {"Removed", "Isolated", "MergedWithPrevious",
                                               "MergedWithNext", "Contiguous"};
  static constexpr const char* kSchemes[] = {"always", "first", "never"};
  json step = {{"type", kTypes[input->byte() % std::size(kTypes)]}};
  const uint8_t flags = input->byte();
  step["behavior"] = kBehaviors[flags % 5];
  step["prepend_scheme"] = kSchemes[flags % 3];
  step["individual_digits"] = step["invert"] = step["split"] = (flags & 1) != 0;
  step["add_prefix_space"] = step["use_regex"] = (flags & 2) != 0;
  step["replacement"] = flags & 4 ? "_" : "\xE2\x96\x81";
  step["delimiter"] = "a";
  step["length"] = 1 + flags % 5;
  if (step["type"] == "Split") step["pattern"] = pattern(input);
  return step;
}

json word_model(fuzz::Input* input) {
  static constexpr const char* kTypes[] = {"WordPiece", "WordLevel", "BPE", "Unigram"};
  json m = {{"type", kTypes[input->byte() % 4]}};
  const uint8_t flags = input->byte();
  std::vector<std::string> tokens{"u"};
  for (int i = input->byte() % 12; i > 0; --i) {
    if (std::string w = word(input); !w.empty()) tokens.push_back(w);
  }
  if (flags & 1) {
    for (const char* byte : {"<0x61>", "<0xC3>", "<0xA9>", "<0x20>"}) tokens.push_back(byte);
  }
  m["byte_fallback"] = m["fuse_unk"] = (flags & 1) != 0;
  m["ignore_merges"] = (flags & 2) != 0;
  if (m["type"] == "Unigram") {
    m["vocab"] = json::array();
    for (const std::string& t : tokens) m["vocab"].push_back({t, -1.0 - input->byte() % 16});
    if (flags & 4) m["unk_id"] = 0;
    return m;
  }
  m["vocab"] = json::object();
  for (const std::string& t : tokens) {
    if (!m["vocab"].contains(t)) m["vocab"][t] = m["vocab"].size();
  }
  m["unk_token"] = m["type"] == "BPE" && flags & 4 ? json() : json("u");
  m["continuing_subword_prefix"] = flags & 8 ? "#" : "";
  m["max_input_chars_per_word"] = flags & 16 ? 100 : 5;
  if (flags & 32) m["end_of_word_suffix"] = "/";
  m["merges"] = json::array();
  // Pairs of tokens whose join is a token too.
  for (const std::string& a : tokens) {
    for (const std::string& b : tokens) {
      if (m["vocab"].contains(a + b) && !(flags & 8)) m["merges"].push_back({a, b});
    }
  }
  return m;
}

json added_tokens(fuzz::Input* input, size_t first_id, const json& vocab) {
  json list = json::array();
  for (int i = input->byte() % 4; i > 0; --i) {
    const std::string content = word(input);
    const uint8_t flags = input->byte();
    const bool known = vocab.is_object() && vocab.contains(content);
    list.push_back({{"id", known ? vocab[content].get<size_t>() : first_id++},
                    {"content", content},
                    {"special", (flags & 1) != 0},
                    {"normalized", (flags & 2) != 0},
                    {"lstrip", (flags & 4) != 0},
                    {"rstrip", (flags & 8) != 0},
                    {"single_word", (flags & 16) != 0}});
  }
  return list;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const EncodeOptions encode = fuzz::encode_options(input.byte());
  const uint8_t flags = input.byte();
  json file;
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array()}};
  for (int i = flags & 3; i > 0; --i)
    file["normalizer"]["normalizers"].push_back(normalizer(&input));
  file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", json::array()}};
  for (int i = flags >> 2 & 3; i > 0; --i) {
    file["pre_tokenizer"]["pretokenizers"].push_back(pre_tokenizer(&input));
  }
  file["model"] = word_model(&input);
  file["added_tokens"] =
      added_tokens(&input, file["model"]["vocab"].size(), file["model"]["vocab"]);
  if (flags & 16) {
    file["post_processor"] = {{"type", "RobertaProcessing"},
                              {"sep", {"u", 0}},
                              {"cls", {"u", 0}},
                              {"trim_offsets", (flags & 32) != 0},
                              {"add_prefix_space", (flags & 64) != 0}};
  }
  const std::string config = flags & 128 ? R"({"truncation_side": "left"})" : "{}";
  try {
    const Tokenizer t(
        TokenizerFiles("m", {{"tokenizer.json", file.dump()}, {"tokenizer_config.json", config}}));
    fuzz::check_texts(t, &input, encode);
  } catch (const Error& e) {
    fuzz::check_error(e);
    fuzz::require(e.kind() == ErrorKind::model);
  }
  return 0;
}
