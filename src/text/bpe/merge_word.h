#pragma once

// Merging the symbols of a word of any length.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/bpe/merge_table.h"

namespace costeff::text {

// Bytes. Merging takes 24 bytes of memory for each.
inline constexpr size_t kMaxMergedWord = 32u << 20;

// Memory that calls reuse: 24 bytes for each symbol of the longest word so far.
struct MergeScratch {
  struct Symbol {
    int32_t token;
    uint32_t previous, next;  // indices of symbols, the number of symbols after the last
    uint32_t rank;            // of the merge with the next symbol, MergeTable::kNone if none
  };
  std::vector<Symbol> symbols;
  std::vector<uint64_t> heap;  // rank << 32 | symbol
};

// Merges the leftmost pair of the lowest rank of symbols[0, n), again and again. The caller has set
// their token, previous and next. A merge keeps the left symbol, so the tokens are then symbols[0],
// symbols[symbols[0].next], ... Time: O(n log n).
void merge_word(const MergeTable& merges, uint32_t n, MergeScratch* scratch);

}  // namespace costeff::text
