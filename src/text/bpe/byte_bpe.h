#pragma once

// Byte-level BPE, as GPT-2 and RoBERTa have it: vocab.json and merges.txt.
//
// How the face calls it:
//   auto bpe = ByteBpe::parse(vocab_json, merges_txt, {.add_prefix_space = false}, places...);
//   ByteBpe::Scratch scratch;                        // one per thread
//   bpe.encode(stretch, offset, &scratch, &sink);    // text between special tokens
//   bpe.vocab().find("<s>"), .token(id), .size()     // spelled as in vocab.json
// From a tokenizer.json: vocab_from_ids() (vocab_json.h), then the constructor. Both throw
// Error(model). A ByteBpe does not change after that; threads may share it.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe/merge_table.h"
#include "text/bpe/merge_word.h"
#include "text/bpe/word_cache.h"
#include "text/tokens/token_sink.h"
#include "text/tokens/trim_span.h"
#include "text/tokens/vocab.h"

namespace costeff::text {

// One rule: left right -> left + right, in vocab.json's spelling. Earlier rules go first.
struct BpeMerge {
  std::string_view left, right;
  int64_t line = 0;  // for messages
};

// Splits "left right", as merges.txt and tokenizer.json write a rule. Returns false if these are
// not two fields.
bool split_merge(std::string_view line, BpeMerge* merge);

// The printable code point that stands for a byte in vocab.json and merges.txt.
uint32_t byte_stand_in(uint8_t byte);

struct BpeOptions {
  // A space before each stretch that does not begin with U+0020, as the fast tokenizer puts it.
  bool add_prefix_space = false;
  // Bytes that have no token get this one's id; a vocabulary that lacks both is refused.
  std::string unk_token = "<unk>";
  // Spans leave out the spaces at their ends; a first token keeps one if one was added.
  bool trim_offsets = true;
  std::optional<bool> keep_first_space = {};  // absent: as add_prefix_space
};

// The rules of a merges.txt, which must outlive them. Throws Error(model); `place` begins the
// message.
std::vector<BpeMerge> parse_merges(std::string_view merges_txt, const std::string& place);

// True if every byte has a token.
bool has_all_bytes(const Vocab& vocab);

class ByteBpe {
 public:
  // Memory that calls reuse: 24 bytes for each byte of the longest word so far, and 512 KB for
  // short words. Models may share it.
  struct Scratch {
    MergeScratch merge;  // one symbol for each byte of the word
    std::string prefixed;
    WordCache short_words;
  };

  ByteBpe() = default;
  ByteBpe(Vocab vocab, const std::vector<BpeMerge>& merges, const BpeOptions& options,
          const std::string& vocab_place, const std::string& merges_place);
  // From the texts of the two files.
  static ByteBpe parse(std::string_view vocab_json, std::string_view merges_txt,
                       const BpeOptions& options, const std::string& vocab_place,
                       const std::string& merges_place);

  // Appends the tokens of `text`, UTF-8 of less than 2 GB. Throws Error(input) for a word of more
  // than 32 MB. Spans are relative to `text`, moved by `offset`. They cover whole characters,
  // without the white space at their ends unless there is nothing else (Hugging Face's
  // trim_offsets). Time: O(n log n) for a word of n bytes.
  void encode(std::string_view text, int64_t offset, Scratch* scratch, TokenSink* sink) const;

  const Vocab& vocab() const { return vocab_; }
  const TrimOptions& trim() const { return trim_; }

 private:
  struct ShortWord;
  void add_merges(const std::vector<BpeMerge>& merges, const std::string& vocab_place,
                  const std::string& place);
  void merge_short(std::string_view word, ShortWord* out) const;
  void merge_long(std::string_view word, Scratch* scratch) const;

  Vocab vocab_;
  uint32_t number_ = 0;  // tells models apart in a Scratch; copies, which are alike, share it
  bool add_prefix_space_ = false;
  TrimOptions trim_;
  int32_t unk_ = -1;
  std::array<int32_t, 256> byte_tokens_{};  // -1: no token
  MergeTable merges_;
};

}  // namespace costeff::text
