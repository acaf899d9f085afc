#include "base/utf8.h"
#include "text/config/tokenizer_config.h"
#include "text/json/tokenizer_json.h"

namespace costeff::text {
namespace {

constexpr size_t kMaxContent = 1000;  // bytes of what a step puts into the text
constexpr const char* kNormalizers =
    "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Strip, "
    "StripAccents, ByteLevel or Sequence";
constexpr const char* kPreTokenizers =
    "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation, "
    "Split, Whitespace, WhitespaceSplit or Sequence";

std::string read_content(const JsonPart& part, const char* key) {
  std::string content = part.string(key);
  if (content.size() > kMaxContent) {
    part.unsupported(fmt::format("{} of {} bytes", key, content.size()),
                     fmt::format("at most {}", kMaxContent));
  }
  return content;
}

// A string of one character.
std::string read_character(const JsonPart& part, const char* key) {
  std::string text = part.string(key);
  size_t end = 0;
  bool bad = false;
  if (!text.empty()) next_code_point(text, &end, &bad);
  if (text.empty() || end != text.size()) {
    fail_model("{}: {} is {}, expected one character", part.place, key, json_text(part.json[key]));
  }
  return text;
}

NormalizerStep read_normalizer_step(const JsonPart& part) {
  using Kind = NormalizerStep::Kind;
  NormalizerStep step;
  const std::string type = part.string("type");
  if (type == "BertNormalizer") {
    step.kind = Kind::bert;
    step.clean_text = part.flag("clean_text", true);
    step.bert.lower_case = part.flag("lowercase", true);
    step.bert.split_ideographs = part.flag("handle_chinese_chars", true);
    step.bert.strip_accents = part.flag("strip_accents", step.bert.lower_case);
  } else if (type == "Strip") {
    step.kind = Kind::strip;
    step.left = part.flag("strip_left", true);
    step.right = part.flag("strip_right", true);
  } else if (type == "StripAccents") {
    step.kind = Kind::strip_accents;
  } else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    step.kind = Kind::form;
    step.form = type == "NFC"    ? UnicodeForm::nfc
                : type == "NFD"  ? UnicodeForm::nfd
                : type == "NFKC" ? UnicodeForm::nfkc
                                 : UnicodeForm::nfkd;
  } else if (type == "Lowercase") {
    step.kind = Kind::lowercase;
  } else if (type == "Nmt") {
    step.kind = Kind::nmt;
  } else if (type == "Precompiled") {
    step.kind = Kind::precompiled;
    step.precompiled =
        Precompiled(part.string("precompiled_charsmap"), part.place + ": precompiled_charsmap");
  } else if (type == "Replace") {
    step.kind = Kind::replace;
    step.pattern = read_pattern(part);
    step.content = read_content(part, "content");
  } else if (type == "Prepend") {
    step.kind = Kind::prepend;
    step.content = read_content(part, "prepend");
  } else if (type == "ByteLevel") {
    step.kind = Kind::bytes;
  } else {
    part.unsupported(type, kNormalizers);
  }
  return step;
}

Delimiters read_delimiters(const JsonPart& part, const char* fallback) {
  const std::string name = part.string_or("behavior", fallback);
  if (name == "Removed") return Delimiters::removed;
  if (name == "Isolated") return Delimiters::isolated;
  if (name == "MergedWithPrevious") return Delimiters::with_previous;
  if (name == "MergedWithNext") return Delimiters::with_next;
  if (name == "Contiguous") return Delimiters::contiguous;
  part.unsupported("behavior " + name,
                   "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

// Reads "prepend_scheme", or the older "add_prefix_space".
PreTokenizerStep::Prefix read_prefix(const JsonPart& part) {
  using Prefix = PreTokenizerStep::Prefix;
  const bool prefix = part.flag("add_prefix_space", true);
  if (!part.has("prepend_scheme")) return prefix ? Prefix::always : Prefix::never;
  const std::string scheme = part.string("prepend_scheme");
  if (scheme == "always") return Prefix::always;
  if (scheme == "first") return Prefix::first;
  if (scheme == "never") return Prefix::never;
  part.unsupported("prepend_scheme " + scheme, "always, first or never");
}

PreTokenizerStep read_pre_tokenizer_step(const JsonPart& part) {
  using Kind = PreTokenizerStep::Kind;
  PreTokenizerStep step;
  const std::string type = part.string("type");
  if (type == "BertPreTokenizer") {
    step.kind = Kind::bert;
  } else if (type == "Whitespace") {
    step.kind = Kind::whitespace;
  } else if (type == "WhitespaceSplit") {
    step.kind = Kind::whitespace_split;
  } else if (type == "Punctuation") {
    step.kind = Kind::punctuation;
    step.delimiters = read_delimiters(part, "Isolated");
  } else if (type == "Digits") {
    step.kind = Kind::digits;
    const bool single = part.flag("individual_digits", false);
    step.delimiters = single ? Delimiters::isolated : Delimiters::contiguous;
  } else if (type == "CharDelimiterSplit") {
    step.kind = Kind::character;
    step.content = read_character(part, "delimiter");
  } else if (type == "Split") {
    step.kind = Kind::split;
    step.pattern = read_pattern(part);
    step.delimiters = read_delimiters(part, "");
    step.invert = part.flag("invert", false);
  } else if (type == "Metaspace") {
    step.kind = Kind::metaspace;
    step.content = read_character(part, "replacement");
    step.prefix = read_prefix(part);
    step.cuts = part.flag("split", true);
  } else if (type == "ByteLevel") {
    step.kind = Kind::byte_level;
    step.add_prefix_space = part.flag("add_prefix_space", true);
    step.cuts = part.flag("use_regex", true);
  } else if (type == "FixedLength") {
    step.kind = Kind::fixed_length;
    step.length = part.integer("length", 1, kMaxId);
  } else {
    part.unsupported(type, kPreTokenizers);
  }
  return step;
}

}  // namespace

TextPattern read_pattern(const JsonPart& part) {
  const JsonPart pattern = part.part("pattern");
  TextPattern out;
  out.is_regex = pattern.has("Regex");
  if (out.is_regex) {
    out.regex = Regex(pattern.string("Regex"), part.place);
  } else {
    out.literal = pattern.string("String");
  }
  return out;
}

std::vector<NormalizerStep> read_normalizer(const JsonPart& file) {
  std::vector<NormalizerStep> steps;
  if (!file.has("normalizer")) return steps;
  for_each_in_sequence(file.part("normalizer"), "normalizers",
                       [&](const JsonPart& part) { steps.push_back(read_normalizer_step(part)); });
  return steps;
}

std::vector<PreTokenizerStep> read_pre_tokenizer(const JsonPart& file) {
  std::vector<PreTokenizerStep> steps;
  if (!file.has("pre_tokenizer")) return steps;
  for_each_in_sequence(file.part("pre_tokenizer"), "pretokenizers", [&](const JsonPart& part) {
    steps.push_back(read_pre_tokenizer_step(part));
  });
  return steps;
}

}  // namespace costeff::text
