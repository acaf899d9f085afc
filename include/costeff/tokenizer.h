#pragma once

// The tokenizer of a checkpoint directory by itself. It needs the tokenizer's files, not the
// weights.

#include <costeff/error.h>
#include <costeff/options.h>
#include <costeff/result.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace costeff {

// Where a token comes from: [begin, end) of the text that `text` says.
struct TokenOffsets {
  int64_t begin = 0, end = 0;
};

// One row. Reused between calls.
struct Tokens {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;  // [ids]
  std::vector<int8_t> text;       // [ids] 0: text_a, 1: text_b, -1: a special token put in between
  std::vector<TokenOffsets> bytes;  // [ids] in bytes of that text; special tokens: 0, 0
  std::vector<TokenOffsets> chars;  // [ids] in code points, the indices of a Python str
  bool bad_utf8 =
      false;  // the text held bytes that are not UTF-8; each maximal piece reads as U+FFFD
  bool truncated = false;
};

class Tokenizer {
 public:
  // Throws Error(model).
  explicit Tokenizer(const std::string& directory);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // Ids as the Hugging Face tokenizer of the directory gives them. A row that brings its own ids
  // keeps them; text, bytes and chars are then empty. Throws Error(input) that names the row, and
  // Error(usage) for a max_length below the number of special tokens. May be called from several
  // threads.
  void encode(const Example& row, const EncodeOptions& options, Tokens* out) const;

  std::string token(int32_t id) const;  // "[CLS]", "##ing"; empty if there is no such id
  const std::string& kind() const;      // "wordpiece (uncased)", "byte-level bpe", ...
  int64_t vocab_size() const;           // largest id + 1

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace costeff
