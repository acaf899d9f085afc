#pragma once

// The normalizer of a tokenizer.json: steps that rewrite the text, one after the other.

#include <string>
#include <string_view>
#include <vector>

#include "text/pipeline/aligned_text.h"
#include "text/pipeline/precompiled.h"
#include "text/pipeline/unicode_form.h"
#include "text/regex/text_pattern.h"
#include "text/wordpiece/bert_normalize.h"

namespace costeff::text {

struct NormalizerStep {
  enum class Kind : uint8_t {
    bert,           // BertNormalizer, by `bert` and `clean_text`
    strip,          // white space at the ends, by `left` and `right`
    strip_accents,  // deletes combining marks
    form,           // NFC, NFD, NFKC, NFKD
    lowercase,
    nmt,
    precompiled,
    replace,  // every `pattern` becomes `content`
    prepend,  // `content`, unless the text is empty
    bytes,    // ByteLevel: a printable stand-in for each byte
  } kind = Kind::lowercase;
  BertOptions bert;
  bool clean_text = true, left = true, right = true;
  UnicodeForm form = UnicodeForm::nfc;
  std::string content;
  TextPattern pattern;
  Precompiled precompiled;
};

struct NormalizerScratch {
  AlignedText spare;
  FormScratch form;
  Regex::Scratch regex;
  std::vector<PatternPart> parts;
};

// Rewrites *text in place.
void normalize(const std::vector<NormalizerStep>& steps, AlignedText* text,
               NormalizerScratch* scratch);

// Replaces each byte of [begin, end) by its stand-in in a byte-level vocabulary (byte_bpe.h).
void put_byte_spellings(std::string_view text, size_t begin, size_t end, Rewrite* out);

}  // namespace costeff::text
