#pragma once

// The Unigram model of a tokenizer.json.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/pipeline/byte_fallback.h"
#include "text/pipeline/word_model.h"
#include "text/sentencepiece/unigram.h"
#include "text/tokens/vocab.h"

namespace costeff::text {

class UnigramModel {
 public:
  struct Scratch {
    Unigram::Scratch unigram;
    std::vector<Unigram::Cut> cuts;
  };

  UnigramModel() = default;
  // Pieces with their scores, by id; of equal ones the last counts. unk -1: a text with a character
  // that no piece covers is an error. Throws Error(model); `place` begins the message.
  UnigramModel(const std::vector<std::pair<std::string, double>>& pieces, int32_t unk,
               bool byte_fallback, const std::string& place);

  // Appends the word's tokens. Time: O(bytes * longest piece).
  void encode(std::string_view word, Scratch* scratch, std::vector<WordToken>* out) const;

  const Vocab& vocab() const { return vocab_; }

 private:
  Vocab vocab_;
  Unigram unigram_;
  int32_t unk_ = -1;
  bool byte_fallback_ = false;
  ByteFallback bytes_;
};

}  // namespace costeff::text
