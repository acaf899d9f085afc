#pragma once

// BERT's tokeniser below the special tokens: normalise, split into words, cut words into pieces.

#include <array>
#include <cstdint>
#include <string_view>

#include "text/tokens/token_sink.h"
#include "text/tokens/vocab.h"
#include "text/wordpiece/bert_normalize.h"

namespace costeff::text {

class WordPiece {
 public:
  // Code points after normalisation; longer words are [UNK].
  static constexpr int kMaxWordChars = 100;

  WordPiece() = default;
  // `vocab` must outlive this. `unk`: the id of [UNK]. Continuing pieces begin with "##" in it.
  WordPiece(const Vocab* vocab, const BertOptions& options, int32_t unk);

  // Appends the tokens of `text`, which must be UTF-8. Spans are relative to `text`, moved by
  // `offset`. Time: O(bytes), with a factor of up to the longest token for words not in the
  // vocabulary.
  void encode(std::string_view text, int64_t offset, TokenSink* sink) const;

  const BertOptions& options() const { return options_; }

 private:
  template <bool kSpans>
  struct Word;
  template <bool kSpans>
  void encode_as(std::string_view text, int64_t offset, TokenSink* sink) const;
  template <bool kSpans>
  void pieces(const Word<kSpans>& word, TokenSink* sink) const;

  const Vocab* vocab_ = nullptr;
  BertOptions options_;
  int32_t unk_ = 0;
  uint64_t continued_ = 0;  // hash state after "##"
  // What a byte of text is. Above kLastKind: the normalised byte, a character of a word.
  enum Kind : uint8_t { kGap, kDeleted, kPunctuation, kNotAscii, kLastKind = kNotAscii };
  std::array<uint8_t, 256> bytes_{};
  std::array<int32_t, 128> punctuation_{};  // ids of ASCII punctuation
};

}  // namespace costeff::text
