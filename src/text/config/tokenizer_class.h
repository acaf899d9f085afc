#pragma once

// What tokenizer_class, or else the model's type, says about the tokenizer.

#include <string>
#include <string_view>

#include "text/config/tokenizer_config.h"

namespace costeff::text {

// The known classes of Hugging Face's transformers, by the files that they read and the settings
// that they put over a tokenizer.json.
enum class ClassFamily {
  none,      // no class is named
  bert,      // vocab.txt; do_lower_case and the like, with BERT's defaults
  byte_bpe,  // vocab.json and merges.txt; add_prefix_space, false by default
  spm,       // a sentencepiece model
  json,      // tokenizer.json alone: PreTrainedTokenizerFast, TokenizersBackend
  other      // another class
};

struct TokenizerClass {
  std::string name;  // without "Fast"; empty: none is named
  ClassFamily family = ClassFamily::none;
  // What the class reads besides tokenizer.json; null: nothing, or any.
  const char* files = nullptr;
  bool is_fast = false;  // it was named with "Fast"
};

// Throws Error(model) for a class that looks like a supported one and is not.
TokenizerClass tokenizer_class(const TokenizerConfig& config);

// Throws Error(model): the class is not one that the files of this directory can be read for.
[[noreturn]] void refuse_class(const TokenizerConfig& config);

}  // namespace costeff::text
