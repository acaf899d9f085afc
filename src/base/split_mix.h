#pragma once

// SplitMix64 (Steele et al. 2014): numbers that follow from a seed alone, the same on every machine.

#include <cstdint>

namespace costeff {

// Its finaliser: neighbouring numbers become numbers that have nothing in common.
inline uint64_t mix_bits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// The next number of the sequence that *state stands in.
inline uint64_t split_mix(uint64_t* state) { return mix_bits(*state += 0x9E3779B97F4A7C15u); }

}  // namespace costeff
