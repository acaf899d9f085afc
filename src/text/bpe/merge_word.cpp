#include "text/bpe/merge_word.h"

#include <algorithm>
#include <functional>

namespace costeff::text {

void merge_word(const MergeTable& merges, uint32_t n, MergeScratch* scratch) {
  auto& symbols = scratch->symbols;
  auto& heap = scratch->heap;
  heap.clear();
  for (uint32_t i = 0; i + 1 < n; ++i) {
    symbols[i].rank = merges.rank(symbols[i].token, symbols[i + 1].token);
    if (symbols[i].rank != MergeTable::kNone) heap.push_back(uint64_t{symbols[i].rank} << 32 | i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());

  const auto renew = [&](uint32_t i) {
    MergeScratch::Symbol& s = symbols[i];
    s.rank = s.next < n ? merges.rank(s.token, symbols[s.next].token) : MergeTable::kNone;
    if (s.rank == MergeTable::kNone) return;
    heap.push_back(uint64_t{s.rank} << 32 | i);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const auto i = static_cast<uint32_t>(heap.back());
    const auto r = static_cast<uint32_t>(heap.back() >> 32);
    heap.pop_back();
    MergeScratch::Symbol& s = symbols[i];
    if (s.rank != r) continue;  // one of the two has been merged away since
    MergeScratch::Symbol& gone = symbols[s.next];
    s.token = merges.merged(r);
    s.next = gone.next;
    gone.rank = MergeTable::kNone;
    if (s.next < n) symbols[s.next].previous = i;
    renew(i);
    if (i > 0) renew(s.previous);
  }
}

}  // namespace costeff::text
