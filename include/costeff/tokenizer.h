#pragma once

// The tokenizer of a checkpoint directory, without the model. It needs the tokenizer's files, but no
// weights.

#include <costeff/error.h>
#include <costeff/options.h>
#include <costeff/result.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace costeff {

// Where a token comes from: [begin, end) in one of the texts (Tokens::text).
struct TokenOffsets {
  int64_t begin = 0, end = 0;
};

// The tokens of one row. It can be used for many calls.
struct Tokens {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;    // [ids]
  std::vector<int8_t> text;         // [ids] 0: text_a, 1: text_b, -1: neither, a special token
  std::vector<TokenOffsets> bytes;  // [ids] in bytes of that text; special tokens: 0, 0
  std::vector<TokenOffsets> chars;  // [ids] in code points, the indices of a Python str
  bool bad_utf8 =
      false;  // the text had bytes that are not UTF-8, each maximal piece read as U+FFFD
  bool truncated = false;
};

class Tokenizer {
 public:
  // Loads the tokenizer of a directory. Throws Error(model).
  explicit Tokenizer(const std::string& directory);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // Gives the same ids as the directory's Hugging Face tokenizer. A row that has its own ids keeps them,
  // and text, bytes and chars are then empty. Throws an Error(input) that names the row, and
  // Error(usage) for a max_length below the number of special tokens. Thread-safe.
  void encode(const Example& row, const EncodeOptions& options, Tokens* out) const;

  std::string token(int32_t id) const;  // "[CLS]", "##ing"; empty if there is no such id
  const std::string& kind() const;      // "wordpiece (uncased)", "byte-level bpe", ...
  int64_t vocab_size() const;           // largest id + 1

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace costeff
