#pragma once

// The merges of a byte-level BPE, by the pair of tokens they join.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace costeff::text {

class MergeTable {
 public:
  static constexpr uint32_t kNone = (1u << 22) - 1;
  static constexpr int64_t kMaxMerges = kNone;             // ranks are kept in 22 bits,
  static constexpr int64_t kMaxTokens = int64_t{1} << 21;  // tokens in 21

  struct Rule {
    int32_t left = 0, right = 0, merged = 0;  // tokens; 0 <= left, right < kMaxTokens
  };

  MergeTable() = default;
  // Rules in order of rank; of equal pairs the last counts, as in Hugging Face's tokenizers. Throws
  // Error(model) for more than kMaxMerges; `place` begins the message.
  MergeTable(const std::vector<Rule>& rules, const std::string& place);

  // The rank of the merge of two tokens, kNone if there is none. A token of -1 has none.
  uint32_t rank(int32_t left, int32_t right) const {
    if ((left | right) < 0) return kNone;
    const uint64_t k = key(left, right);
    for (size_t at = place_of(k);; at = (at + 1) & mask_) {
      const uint64_t slot = slots_[at];
      if (slot == kEmpty) return kNone;
      if (slot >> kRankBits == k) return static_cast<uint32_t>(slot & kNone);
    }
  }
  int32_t merged(uint32_t rank) const { return merged_[rank]; }  // the token that the merge makes

 private:
  static constexpr int kRankBits = 22, kTokenBits = 21;
  static constexpr uint64_t kEmpty = ~uint64_t{0};  // its rank would be kNone

  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(left) << kTokenBits | static_cast<uint64_t>(right);
  }
  size_t place_of(uint64_t k) const { return (k * factor_) >> shift_; }
  bool try_fill(const std::vector<Rule>& rules);

  // Each slot is left, right, rank from the top bit down. Their number is a power of two, at most
  // half are in use; linear probing.
  std::vector<uint64_t> slots_{kEmpty, kEmpty};
  size_t mask_ = 1;
  int shift_ = 63;
  uint64_t factor_ = 1;
  std::vector<int32_t> merged_;  // [rank]
};

}  // namespace costeff::text
