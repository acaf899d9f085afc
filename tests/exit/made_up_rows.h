#pragma once

// Rows of a made-up model, for tests that choose policies.

#include <costeff/exit_table.h>
#include <costeff/tune.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace costeff {

inline constexpr int64_t kExits = 4, kLabels = 3;

// Rows of a made-up model of four exits: each row has a truth and a difficulty; later exits are
// more confident and more often right. The learned uncertainty is honest but noisy.
inline ExitTable made_up_rows(int64_t rows, uint64_t seed, bool regression,
                              std::vector<int64_t>* gold) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::normal_distribution<float> normal(0, 1);
  std::vector<Result> results;
  for (int64_t i = 0; i < rows; ++i) {
    Result& r = results.emplace_back();
    r.tokens = 10;
    const auto truth = static_cast<size_t>(random() % kLabels);
    gold->push_back(static_cast<int64_t>(truth));
    const float ease = 3 * uniform(random) - 0.3f;
    std::vector<float> noise(kLabels);
    for (float& v : noise) v = normal(random);
    for (int64_t e = 0; e < kExits; ++e) {
      ExitOutput& out = r.exits.emplace_back();
      out.layer = e + 1;
      const float depth = static_cast<float>(e + 1) / kExits;
      if (regression) {
        out.logits = {2.5f + noise[0] + (1 - depth) * normal(random) * ease};
        out.uncertainty = uniform(random);
        continue;
      }
      out.logits.resize(kLabels);
      for (size_t c = 0; c < kLabels; ++c) {
        out.logits[c] =
            2 * ease * depth * (c == truth) + noise[c] * 0.8f + (1 - depth) * 0.8f * normal(random);
        out.logits[c] *= 1 + depth;
      }
      out.uncertainty =
          std::min(1.0f, std::max(0.0f, 0.5f - 0.3f * ease * depth + 0.1f * normal(random)));
    }
  }
  ExitTable t;
  append(results, regression ? ProblemType::regression : ProblemType::single_label, &t);
  return t;
}

inline TuneGoal goal_of(GoalKind kind, double limit, double confidence = 0) {
  TuneGoal g;
  g.kind = kind;
  g.limit = limit;
  g.confidence = confidence;
  g.score_high = 5;
  return g;
}

}  // namespace costeff
