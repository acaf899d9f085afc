#include "prune/search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/fail.h"

namespace costeff::prune {
namespace {

std::vector<double> squares_of(const Eigen::MatrixXd& gradients) {
  std::vector<double> sums(static_cast<size_t>(gradients.rows()));
  for (Eigen::Index i = 0; i < gradients.rows(); ++i)
    sums[static_cast<size_t>(i)] = gradients.row(i).squaredNorm();
  return sums;
}

void rearrange_units(const Eigen::MatrixXd& gradients, std::vector<uint8_t>* kept) {
  const size_t units = kept->size(), dropped = units - static_cast<size_t>(count(*kept));
  if (dropped == 0 || dropped == units) return;
  const std::vector<double> scores = squares_of(gradients);
  std::vector<size_t> order(units);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  std::vector<size_t> masked(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(dropped));
  const auto row = [&](size_t i) { return gradients.row(static_cast<Eigen::Index>(i)); };
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(gradients.cols());
  for (const size_t i : masked) sum += row(i);
  for (size_t next = dropped; next < units; ++next) {
    masked.push_back(order[next]);
    sum += row(order[next]);
    size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t m = 0; m < masked.size(); ++m) {
      // |sum - g|^2 less |sum|^2, which is the same for all.
      const double value = scores[masked[m]] - 2 * sum.dot(row(masked[m]));
      if (value < least) {
        least = value;
        best = m;
      }
    }
    sum -= row(masked[best]);
    masked.erase(masked.begin() + static_cast<std::ptrdiff_t>(best));
  }
  std::fill(kept->begin(), kept->end(), uint8_t{1});
  for (const size_t i : masked) (*kept)[i] = 0;
}

// The numbers of the units, best first.
std::vector<size_t> ranked(const std::vector<double>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

constexpr double kTooMuch = 1e15;   // more ticks than any budget has
constexpr double kRounding = 1e-6;  // what is less above a number is that number

Kept keep_all(const Scores& scores) {
  Kept kept;
  for (const auto& layer : scores.heads) kept.heads.emplace_back(layer.size(), uint8_t{1});
  for (const auto& layer : scores.neurons) kept.neurons.emplace_back(layer.size(), uint8_t{1});
  return kept;
}

// A sublayer whose number of units is open: what each number costs, in ticks, and the sum of its best
// scores.
struct Choice {
  std::vector<size_t> order;
  std::vector<int64_t> counts, prices;
  std::vector<double> values;
};

Choice choice_of(const std::vector<double>& scores, const SublayerCosts& costs, double tick) {
  Choice choice{ranked(scores), costs.counts, {}, {}};
  std::vector<double> sums{0};
  for (const size_t i : choice.order) sums.push_back(sums.back() + scores[i]);
  for (const int64_t n : costs.counts) choice.values.push_back(sums[static_cast<size_t>(n)]);
  // A sum that is not quite a whole number of ticks is one.
  for (const double c : costs.costs)
    choice.prices.push_back(
        static_cast<int64_t>(std::min(std::ceil(c / tick - kRounding), kTooMuch)));
  return choice;
}

}  // namespace

Scores fisher_scores(std::span<const MaskGradients> layers) {
  Scores scores;
  for (const MaskGradients& g : layers) {
    scores.heads.push_back(squares_of(g.heads));
    scores.neurons.push_back(squares_of(g.neurons));
  }
  return scores;
}

void rearrange(std::span<const MaskGradients> layers, Kept* kept) {
  for (size_t l = 0; l < layers.size(); ++l) {
    rearrange_units(layers[l].heads, &kept->heads[l]);
    rearrange_units(layers[l].neurons, &kept->neurons[l]);
  }
}

double CostTable::full() const {
  double sum = 0;
  for (const auto* kind : {&heads, &neurons})
    for (const SublayerCosts& s : *kind) sum += s.costs.back();
  return sum;
}

double CostTable::least() const {
  double sum = 0;
  for (const auto* kind : {&heads, &neurons})
    for (const SublayerCosts& s : *kind) sum += *std::min_element(s.costs.begin(), s.costs.end());
  return sum;
}

CostTable linear_costs(const Kept& all, std::span<const UnitCosts> costs, int64_t step) {
  const auto sublayer = [](size_t units, double cost, int64_t by) {
    SublayerCosts s;
    const auto most = static_cast<int64_t>(units);
    for (int64_t n = 0; n < most; n += by) s.counts.push_back(n);
    s.counts.push_back(most);
    for (const int64_t n : s.counts) s.costs.push_back(cost * static_cast<double>(n));
    return s;
  };
  CostTable table;
  for (size_t l = 0; l < costs.size(); ++l) {
    table.heads.push_back(sublayer(all.heads[l].size(), costs[l].head, 1));
    table.neurons.push_back(sublayer(all.neurons[l].size(), costs[l].neuron, step));
  }
  return table;
}

double cost_of(const Kept& kept, std::span<const UnitCosts> costs) {
  double sum = 0;
  for (size_t l = 0; l < costs.size(); ++l) {
    sum += costs[l].head * static_cast<double>(count(kept.heads[l])) +
           costs[l].neuron * static_cast<double>(count(kept.neurons[l]));
  }
  return sum;
}

double cost_of(const Kept& kept, const CostTable& table) {
  const auto of = [](const std::vector<uint8_t>& units, const SublayerCosts& s) {
    const auto at = std::lower_bound(s.counts.begin(), s.counts.end(), count(units));
    return s.costs[static_cast<size_t>(at - s.counts.begin())];
  };
  double sum = 0;
  for (size_t l = 0; l < kept.heads.size(); ++l)
    sum += of(kept.heads[l], table.heads[l]) + of(kept.neurons[l], table.neurons[l]);
  return sum;
}

Kept search(const Scores& scores, const CostTable& table, double budget, int64_t ticks) {
  // Rounded up, not even a budget for all would pay them.
  if (table.full() * (1 - kRounding) <= budget) return keep_all(scores);
  const double tick = budget / static_cast<double>(ticks);
  std::vector<Choice> choices;
  for (size_t l = 0; l < table.heads.size(); ++l)
    choices.push_back(choice_of(scores.heads[l], table.heads[l], tick));
  for (size_t l = 0; l < table.neurons.size(); ++l)
    choices.push_back(choice_of(scores.neurons[l], table.neurons[l], tick));
  // best[b]: the greatest value of the sublayers so far for at most b ticks; -1: nothing fits.
  const auto width = static_cast<size_t>(ticks) + 1;
  std::vector<double> best(width, 0);
  std::vector<std::vector<int32_t>> taken(choices.size(), std::vector<int32_t>(width, -1));
  for (size_t s = 0; s < choices.size(); ++s) {
    std::vector<double> next(width, -1);
    for (size_t k = 0; k < choices[s].counts.size(); ++k) {
      const int64_t price = choices[s].prices[k];
      if (price > ticks) continue;
      for (auto b = static_cast<size_t>(price); b < width; ++b) {
        const double before = best[b - static_cast<size_t>(price)];
        const double value = before + choices[s].values[k];
        if (before < 0 || value <= next[b]) continue;
        next[b] = value;
        taken[s][b] = static_cast<int32_t>(k);
      }
    }
    best = std::move(next);
  }
  if (best.back() < 0) fail(ErrorKind::internal, "no units fit a budget of {}", budget);
  Kept kept;
  for (const auto& layer : scores.heads) kept.heads.emplace_back(layer.size(), uint8_t{0});
  for (const auto& layer : scores.neurons) kept.neurons.emplace_back(layer.size(), uint8_t{0});
  size_t left = width - 1;
  for (size_t s = choices.size(); s-- > 0;) {
    const auto k = static_cast<size_t>(taken[s][left]);
    const size_t layers = table.heads.size();
    auto& units = s < layers ? kept.heads[s] : kept.neurons[s - layers];
    for (int64_t i = 0; i < choices[s].counts[k]; ++i)
      units[choices[s].order[static_cast<size_t>(i)]] = 1;
    left -= static_cast<size_t>(choices[s].prices[k]);
  }
  return kept;
}

}  // namespace costeff::prune
