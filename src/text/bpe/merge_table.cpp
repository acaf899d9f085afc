#include "text/bpe/merge_table.h"

#include <algorithm>
#include <bit>

#include "base/fail.h"

namespace costeff::text {

MergeTable::MergeTable(const std::vector<Rule>& rules, const std::string& place) {
  if (static_cast<int64_t>(rules.size()) > kMaxMerges) {
    fail_model("{}: {} merges, at most {} are supported", place, rules.size(), kMaxMerges);
  }
  merged_.reserve(rules.size());
  for (const Rule& r : rules) merged_.push_back(r.merged);
  const size_t slots = std::bit_ceil(2 * rules.size() + 2);
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  // A file made to collide under one factor will not under the next.
  for (uint64_t seed = 0; seed < 8; ++seed) {
    factor_ = 0x9E3779B97F4A7C15u * (2 * seed + 1);  // 2^64 divided by the golden ratio, odd
    slots_.assign(slots, kEmpty);
    if (try_fill(rules)) return;
  }
  fail_model("{}: its merges collide in every hash tried: not those of a language", place);
}

bool MergeTable::try_fill(const std::vector<Rule>& rules) {
  constexpr int kMaxProbes = 500;  // at half load, chance makes a few dozen
  for (size_t rank = 0; rank < rules.size(); ++rank) {
    const uint64_t k = key(rules[rank].left, rules[rank].right);
    size_t at = place_of(k);
    int probes = 0;
    while (slots_[at] != kEmpty && slots_[at] >> kRankBits != k) {
      if (++probes > kMaxProbes) return false;
      at = (at + 1) & mask_;
    }
    slots_[at] = k << kRankBits | rank;
  }
  return true;
}

}  // namespace costeff::text
