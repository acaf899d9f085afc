#pragma once

// Seeded random numbers for property tests. COSTEFF_TEST_SEED replays a failure.

#include <cstdint>
#include <cstdlib>
#include <random>

#include "base/aligned.h"

inline uint64_t test_seed() {
  const char* s = std::getenv("COSTEFF_TEST_SEED");
  return s ? std::strtoull(s, nullptr, 10) : 20240607;
}

inline costeff::FloatBuffer random_floats(int64_t count, float scale, std::mt19937_64* rng) {
  costeff::FloatBuffer b(count + 16);
  std::normal_distribution<float> normal(0, scale);
  for (int64_t i = 0; i < count + 16; ++i) b.data()[i] = normal(*rng);
  return b;
}
