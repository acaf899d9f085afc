#pragma once

// The pre_tokenizer of a tokenizer.json: steps that cut the text into words, some of which rewrite
// it too.

#include <string>
#include <vector>

#include "text/pipeline/aligned_text.h"
#include "text/pipeline/normalizer.h"
#include "text/regex/text_pattern.h"

namespace costeff::text {

// What becomes of the delimiters that a step finds.
enum class Delimiters : uint8_t { removed, isolated, with_previous, with_next, contiguous };

struct PreTokenizerStep {
  enum class Kind : uint8_t {
    bert,              // BertPreTokenizer: white space goes, punctuation stands alone
    whitespace,        // Whitespace: runs of \w, runs of neither \w nor \s
    whitespace_split,  // at white space
    punctuation,       // by `delimiters`
    digits,            // by `delimiters`: isolated or contiguous
    character,         // CharDelimiterSplit: `content`, removed
    split,             // `pattern` by `delimiters`; with `invert` the text between matches
    metaspace,         // spaces become `content`, then with_next at it
    byte_level,        // GPT-2's pattern, then a printable stand-in for each byte
    fixed_length,      // `length` characters each
  } kind = Kind::whitespace_split;
  Delimiters delimiters = Delimiters::isolated;
  TextPattern pattern;
  bool invert = false;
  std::string content;
  enum class Prefix : uint8_t { always, first, never } prefix = Prefix::always;  // of metaspace
  bool cuts = true;               // metaspace: "split"; byte_level: "use_regex"
  bool add_prefix_space = false;  // byte_level
  int64_t length = 0;

  // True if the step must know where its words come from.
  bool needs_alignment() const { return kind == Kind::metaspace && prefix == Prefix::first; }
};

// Bytes [begin, end) of the text.
struct WordSpan {
  size_t begin, end;
};

struct PreTokenizerScratch {
  NormalizerScratch normalizer;
  std::vector<WordSpan> words, next;
  std::vector<PatternPart> parts;
};

// Cuts the text into scratch->words, none of them empty. They point into *text as the steps leave
// it.
void pre_tokenize(const std::vector<PreTokenizerStep>& steps, AlignedText* text,
                  PreTokenizerScratch* scratch);

}  // namespace costeff::text
