#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace costeff::text {

// Every step-th code point from first to last has itself + delta as its lower case.
struct LowerRun {
  uint32_t first, last, step;
  int32_t delta;
};

// The lower case of c by a sorted table of runs; c itself if none has it.
template <size_t n>
uint32_t lower_by_runs(const LowerRun (&runs)[n], uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  const LowerRun* run = std::upper_bound(runs, runs + n, c,
                                         [](uint32_t x, const LowerRun& r) { return x < r.first; });
  if (run == runs) return c;
  --run;
  if (c > run->last || (c - run->first) % run->step != 0) return c;
  return c + static_cast<uint32_t>(run->delta);
}

}  // namespace costeff::text
