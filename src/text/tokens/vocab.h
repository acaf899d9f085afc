#pragma once

// A table of tokens: id to bytes and bytes to id.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::text {

inline constexpr uint64_t kMaxVocabBytes = 64u << 20;  // merges.txt too
inline constexpr int64_t kMaxVocabTokens = 2'000'000;  // ids in JSON files
inline constexpr int64_t kMaxVocabLines = 8'000'000;   // of vocab.txt

// The token in quotes, for messages.
std::string in_quotes(std::string_view token);

class Vocab {
 public:
  Vocab() = default;

  // Reads a vocab.txt: one token a line, whose id is the line number from 0. Only \n ends a line
  // (tokens may contain U+2028 and the like); one \r before it is dropped, and so is a byte order
  // mark at the start. An empty line takes an id. Of equal lines the last one counts, as in Hugging
  // Face's reader. Throws Error(model) if the text is not UTF-8, has a NUL, is a JSON object or is
  // empty. `place` begins messages.
  static Vocab parse(std::string_view text, const std::string& place);

  // Tokens in id order; of equal ones the last counts, an empty one leaves its id unused. `place`
  // begins messages.
  static Vocab from_tokens(const std::vector<std::string_view>& tokens, const std::string& place);

  int64_t distinct() const { return distinct_; }  // tokens that are not empty, equal ones once
  int64_t size() const { return static_cast<int64_t>(starts_.size()) - 1; }
  std::string_view token(int64_t id) const {  // empty outside [0, size)
    if (id < 0 || id >= size()) return {};
    return {bytes_.data() + starts_[id], starts_[id + 1] - starts_[id]};
  }
  size_t longest() const { return longest_; }  // bytes of the longest token

  int32_t find(std::string_view token) const {  // -1: not there
    return find_hashed(hash_text(hash_start(), token), {}, token);
  }

  // find() for a caller that hashes while it reads: begin with hash_start(), call hash_step() for
  // each byte of head + tail, then find_hashed().
  uint64_t hash_start() const { return seed_; }
  static uint64_t hash_step(uint64_t h, uint8_t byte) {
    // FxHash: the odd factor is 2^64 divided by pi.
    return (((h << 5) | (h >> 59)) ^ byte) * 0x517CC1B727220A95u;
  }
  static uint64_t hash_text(uint64_t h, std::string_view text) {
    for (const char c : text) h = hash_step(h, static_cast<uint8_t>(c));
    return h;
  }
  int32_t find_hashed(uint64_t h, std::string_view head, std::string_view tail) const {
    const uint32_t tag = static_cast<uint32_t>(h);
    for (size_t at = h >> shift_;; at = (at + 1) & mask_) {
      const Slot slot = slots_[at];
      if (slot.id < 0) return -1;
      if (slot.tag == tag && equals(slot.id, head, tail)) return slot.id;
    }
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    int32_t id = -1;
  };
  bool equals(int32_t id, std::string_view head, std::string_view tail) const {
    const std::string_view whole(bytes_.data() + starts_[id], starts_[id + 1] - starts_[id]);
    return whole.size() == head.size() + tail.size() && whole.starts_with(head) &&
           whole.ends_with(tail);
  }
  void make_index(const std::string& place);
  bool try_index();

  std::string bytes_;                        // all tokens end to end
  std::vector<uint32_t> starts_{0};          // [size + 1]
  std::vector<Slot> slots_{Slot{}, Slot{}};  // a power of two, at most half full; linear probing
  size_t mask_ = 1;
  int shift_ = 63;
  uint64_t seed_ = 1;
  size_t longest_ = 0;
  int64_t distinct_ = 0;
};

// The id of a tokenizer.json's unk_token. Throws Error(model) if `vocab` lacks it; `place` begins
// the message.
int32_t unk_token_id(const Vocab& vocab, std::string_view unk_token, const std::string& place);

}  // namespace costeff::text
