#pragma once

// The room's face: text in, token ids out, the same ids as Hugging Face's fast tokenizer gives for
// the same directory.

#include <costeff/options.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "text/tokens/encoding.h"

namespace costeff::text {

struct TokenizerOptions {
  // Each overrides what tokenizer_config.json says.
  std::optional<bool> do_lower_case = {}, strip_accents = {}, tokenize_chinese_chars = {};
  std::optional<bool> add_prefix_space = {};  // byte-level BPE
  std::optional<bool> keep_accents = {};      // ALBERT
};

class TokenizerFiles;

class Tokenizer {
 public:
  // Reads vocab.txt (or another kind's files), tokenizer_config.json, special_tokens_map.json and
  // added_tokens.json of a checkpoint directory. Throws Error(model).
  explicit Tokenizer(const std::string& dir, const TokenizerOptions& options = {});
  explicit Tokenizer(const TokenizerFiles& files, const TokenizerOptions& options = {});
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // text_b, even an empty one, makes a pair. Throws Error(input) if only_first or only_second
  // cannot reach max_length, and Error(usage) if max_length is below the number of special tokens.
  void encode(std::string_view text_a, const std::optional<std::string_view>& text_b,
              const EncodeOptions& options, Encoding* out) const;

  const std::string& kind() const;  // "wordpiece (uncased)", "byte-level bpe", ...
  int64_t vocab_size() const;       // largest id + 1
  // That of tokenizer_config.json, if it is a usable number.
  std::optional<int64_t> model_max_length() const;
  bool truncates_left() const;              // texts that are too long lose their beginning
  std::string token(int32_t id) const;      // "[CLS]", "##ing"; empty if there is no such id
  int64_t special_tokens(bool pair) const;  // the number that encode() adds
  const std::string& vocab_file() const;    // for messages

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace costeff::text
