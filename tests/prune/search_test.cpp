// The search beside all choices that there are.

#include "prune/search.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "base/error_of.h"
#include "test_random.h"

namespace costeff::prune {
namespace {

double value_of(const Kept& kept, const Scores& scores) {
  double sum = 0;
  const auto add = [&](const auto& units, const auto& of) {
    for (size_t l = 0; l < units.size(); ++l)
      for (size_t i = 0; i < units[l].size(); ++i) sum += units[l][i] ? of[l][i] : 0;
  };
  add(kept.heads, scores.heads);
  add(kept.neurons, scores.neurons);
  return sum;
}

// The greatest value that a budget pays, over every combination of numbers.
double best_value(const Scores& scores, const CostTable& table, double budget) {
  std::vector<std::pair<const SublayerCosts*, std::vector<double>>> sublayers;
  const auto add = [&](const auto& costs, const auto& of) {
    for (size_t l = 0; l < costs.size(); ++l) {
      std::vector<double> sorted = of[l];
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      std::vector<double> sums{0};
      for (const double s : sorted) sums.push_back(sums.back() + s);
      sublayers.emplace_back(&costs[l], sums);
    }
  };
  add(table.heads, scores.heads);
  add(table.neurons, scores.neurons);
  double best = -1;
  const std::function<void(size_t, double, double)> try_from = [&](size_t s, double cost,
                                                                   double value) {
    if (cost > budget) return;
    if (s == sublayers.size()) {
      best = std::max(best, value);
      return;
    }
    const auto& [costs, sums] = sublayers[s];
    for (size_t k = 0; k < costs->counts.size(); ++k)
      try_from(s + 1, cost + costs->costs[k], value + sums[static_cast<size_t>(costs->counts[k])]);
  };
  try_from(0, 0, 0);
  return best;
}

TEST(Search, IsTheBestOfAllChoices) {
  std::mt19937_64 rng(test_seed());
  std::uniform_real_distribution<double> score(0, 1);
  std::uniform_int_distribution<int64_t> cost(0, 30);
  for (int i = 0; i < 300; ++i) {
    Scores scores;
    CostTable table;
    const int64_t layers = 1 + i % 2;
    for (int64_t l = 0; l < layers; ++l) {
      for (const bool heads : {true, false}) {
        auto& of = (heads ? scores.heads : scores.neurons).emplace_back();
        SublayerCosts& costs = (heads ? table.heads : table.neurons).emplace_back();
        const auto units = static_cast<int64_t>(rng() % 5);
        const int64_t step = heads ? 1 : 2;
        for (int64_t u = 0; u < units; ++u) of.push_back(score(rng));
        for (int64_t n = 0; n < units; n += step) costs.counts.push_back(n);
        costs.counts.push_back(units);
        int64_t sum = cost(rng) / 10;  // an empty sublayer takes some time, too
        for (size_t k = 0; k < costs.counts.size(); ++k) {
          costs.costs.push_back(static_cast<double>(sum));
          sum += cost(rng);
        }
      }
    }
    const auto budget = static_cast<double>(rng() % 120 + 1);
    SCOPED_TRACE(testing::Message() << "case " << i << ", budget " << budget);
    const double wanted = best_value(scores, table, budget);
    if (wanted < 0) {
      EXPECT_THROW(search(scores, table, budget, static_cast<int64_t>(budget)), Error);
      continue;
    }
    const Kept kept = search(scores, table, budget, static_cast<int64_t>(budget));
    EXPECT_LE(cost_of(kept, table), budget);
    EXPECT_NEAR(value_of(kept, scores), wanted, 1e-9);
  }
}

TEST(Search, StepsAndLayersOfTheirOwnCosts) {
  const Kept all{{{1, 1}, {1, 1, 1}}, {std::vector<uint8_t>(40, 1), {}}};
  const std::vector<UnitCosts> costs{{10, 1}, {1, 0.5}};
  const CostTable table = linear_costs(all, costs, 16);
  EXPECT_EQ(table.neurons[0].counts, (std::vector<int64_t>{0, 16, 32, 40}));
  EXPECT_EQ(table.neurons[0].costs, (std::vector<double>{0, 16, 32, 40}));
  EXPECT_EQ(table.heads[1].counts, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(table.neurons[1].counts, (std::vector<int64_t>{0}));
  EXPECT_EQ(table.full(), 20 + 3 + 40);
  EXPECT_EQ(table.least(), 0);
  EXPECT_EQ(cost_of(all, costs), table.full());
  EXPECT_EQ(cost_of(all, table), table.full());
  // Equal scores: what is cheap stays.
  const Scores scores{{{1, 1}, {1, 1, 1}}, {std::vector<double>(40, 1), {}}};
  const Kept kept = search(scores, table, 20);
  EXPECT_EQ(count(kept.heads[0]), 0);
  EXPECT_EQ(count(kept.heads[1]), 3);
  EXPECT_EQ(count(kept.neurons[0]), 16);
  const Kept everything = search(scores, table, table.full());
  EXPECT_EQ(cost_of(everything, table), table.full());
}

}  // namespace
}  // namespace costeff::prune
