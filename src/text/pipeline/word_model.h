#pragma once

// The models of a tokenizer.json that look words up in a vocabulary: WordLevel, and WordPiece with
// other settings than BERT's (wordpiece.h).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokens/vocab.h"

namespace costeff::text {

// A token and the bytes of the word that it stands for.
struct WordToken {
  int32_t id;
  uint32_t begin, end;
};

struct WordModelOptions {
  std::string unk_token;
  std::string prefix;       // WordPiece: begins the pieces that continue a word
  int64_t max_chars = 100;  // WordPiece: longer words are unknown
};

class WordModel {
 public:
  struct Scratch {
    std::vector<uint64_t> hashes;
  };

  WordModel() = default;
  // Throws Error(model) if the vocabulary lacks the unknown token; `place` begins the message.
  WordModel(Vocab vocab, bool pieces, const WordModelOptions& options, const std::string& place);

  // Appends the word's tokens. Time: O(bytes * longest token).
  void encode(std::string_view word, Scratch* scratch, std::vector<WordToken>* out) const;

  const Vocab& vocab() const { return vocab_; }

 private:
  void encode_pieces(std::string_view word, Scratch* scratch, std::vector<WordToken>* out) const;

  Vocab vocab_;
  bool pieces_ = false;
  WordModelOptions options_;
  int32_t unk_ = -1;
};

}  // namespace costeff::text
