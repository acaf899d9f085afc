#pragma once

// The room's face: text in, token ids out, equal to the Hugging Face fast tokenizer's of the same
// directory, token for token.

#include <costeff/options.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::text {

// Bytes [begin, end) of the source text a token comes from. Special tokens that the tokenizer adds:
// 0, 0.
struct Span {
  int32_t begin = 0, end = 0;
};

// One sequence: [CLS] a [SEP] or [CLS] a [SEP] b [SEP]. Reused between calls, so that nothing is
// allocated once it has grown.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;  // [ids]
  std::vector<Span> spans;        // [ids] if EncodeOptions::offsets, else empty
  std::vector<int8_t> sides;      // with spans: 0 token of a, 1 of b, -1 special
  bool bad_utf8 = false;          // some bytes were not UTF-8 and were read as U+FFFD
  bool truncated = false;
};

struct TokenizerOptions {
  // Each overrides what tokenizer_config.json says.
  std::optional<bool> do_lower_case = {}, strip_accents = {}, tokenize_chinese_chars = {};
  std::optional<bool> add_prefix_space = {};  // byte-level BPE
  std::optional<bool> keep_accents = {};      // ALBERT
};

class TokenizerFiles;

class Tokenizer {
 public:
  // Reads vocab.txt (or the other kinds' files), tokenizer_config.json, special_tokens_map.json and
  // added_tokens.json of a checkpoint directory. Throws Error(model).
  explicit Tokenizer(const std::string& dir, const TokenizerOptions& options = {});
  explicit Tokenizer(const TokenizerFiles& files, const TokenizerOptions& options = {});
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // text_b, even empty, makes a pair. Throws Error(input) when only_first / only_second cannot
  // reach max_length, and Error(usage) when max_length is below the number of special tokens.
  void encode(std::string_view text_a, const std::optional<std::string_view>& text_b,
              const EncodeOptions& options, Encoding* out) const;

  const std::string& kind() const;  // "wordpiece (uncased)", "byte-level bpe", ...
  int64_t vocab_size() const;       // largest id + 1
  // tokenizer_config.json's, if it is a usable number.
  std::optional<int64_t> model_max_length() const;
  bool truncates_left() const;              // texts that are too long lose their beginning
  std::string token(int32_t id) const;      // "[CLS]", "##ing"; empty if there is no such id
  int64_t special_tokens(bool pair) const;  // how many encode() adds
  const std::string& vocab_file() const;    // for messages

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace costeff::text
