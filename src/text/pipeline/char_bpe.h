#pragma once

// The BPE model of a tokenizer.json, over the characters of each word. ByteBpe (byte_bpe.h) is the
// fast path for a byte-level BPE with a token for every byte.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bpe/merge_word.h"
#include "text/pipeline/byte_fallback.h"
#include "text/pipeline/word_model.h"
#include "text/tokens/vocab.h"

namespace costeff::text {

struct CharBpeOptions {
  std::string unk_token;  // empty: characters without a token are dropped
  std::string prefix;     // continuing_subword_prefix: of all characters of a word but the first
  std::string suffix;     // end_of_word_suffix: of the last
  bool fuse_unk = false;
  bool byte_fallback = false;  // a character without a token becomes the tokens <0xNN> of its bytes
  bool ignore_merges = false;  // a word that is a token is that token
};

class CharBpe {
 public:
  struct Scratch {
    MergeScratch merge;
    std::vector<uint32_t> starts;  // of each symbol, in bytes of the word
    std::string spelling;
  };

  CharBpe() = default;
  // Earlier merges go first; of equal ones the last counts. Throws Error(model) if the vocabulary
  // lacks the unknown token or a token of a merge; `place` begins the message.
  CharBpe(Vocab vocab, const std::vector<std::pair<std::string, std::string>>& merges,
          const CharBpeOptions& options, const std::string& place);

  // Appends the word's tokens. Throws Error(input) for a word of more than 32 MB. After dropped
  // characters the bytes of the tokens are too far left, as in the library.
  void encode(std::string_view word, Scratch* scratch, std::vector<WordToken>* out) const;

  const Vocab& vocab() const { return vocab_; }

 private:
  void add_symbols(std::string_view word, Scratch* scratch) const;

  Vocab vocab_;
  CharBpeOptions options_;
  int32_t unk_ = -1;
  ByteFallback bytes_;
  MergeTable merges_;
};

}  // namespace costeff::text
