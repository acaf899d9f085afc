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

// A unit of some layer.
struct Place {
  size_t layer = 0, unit = 0;
  double score = 0;
};

// Best first.
std::vector<Place> ranked(const std::vector<std::vector<double>>& scores) {
  std::vector<Place> places;
  for (size_t l = 0; l < scores.size(); ++l)
    for (size_t i = 0; i < scores[l].size(); ++i) places.push_back({l, i, scores[l][i]});
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.score > b.score; });
  return places;
}

// Sums of the first 0, 1, 2, .. scores.
std::vector<double> sums_of(const std::vector<Place>& places) {
  std::vector<double> sums{0};
  for (const Place& p : places) sums.push_back(sums.back() + p.score);
  return sums;
}

std::vector<std::vector<uint8_t>> keep_first(const std::vector<std::vector<double>>& scores,
                                             const std::vector<Place>& places, size_t number) {
  std::vector<std::vector<uint8_t>> kept;
  for (const auto& layer : scores) kept.emplace_back(layer.size(), uint8_t{0});
  for (size_t i = 0; i < number; ++i) kept[places[i].layer][places[i].unit] = 1;
  return kept;
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

// A sublayer whose number of units is open: what each number costs, and the sum of its best scores.
struct Choice {
  const std::vector<double>* scores;
  std::vector<int64_t> counts, costs;
  std::vector<double> values;
};

Choice choice_of(const std::vector<double>& scores, std::vector<int64_t> counts,
                 const std::vector<int64_t>& costs) {
  std::vector<double> best = scores;
  std::sort(best.begin(), best.end(), std::greater<>());
  std::vector<double> sums{0};
  for (const double s : best) sums.push_back(sums.back() + s);
  Choice choice{&scores, std::move(counts), costs, {}};
  for (const int64_t n : choice.counts) choice.values.push_back(sums[static_cast<size_t>(n)]);
  return choice;
}

std::vector<uint8_t> keep_best(const std::vector<double>& scores, int64_t number) {
  return keep_first({scores}, ranked({scores}), static_cast<size_t>(number))[0];
}

// Cuts each layer's neurons down to a multiple of `step`, and spends what that leaves on the layers
// whose next neurons have the greatest scores.
void round_neurons(const Scores& scores, const UnitCosts& costs, double budget, int64_t step,
                   Kept* kept) {
  std::vector<int64_t> numbers;
  for (const auto& layer : kept->neurons) {
    const int64_t n = count(layer);
    numbers.push_back(n < static_cast<int64_t>(layer.size()) ? n / step * step : n);
    // Fewer than a step are all that there are.
    if (n < step) numbers.back() = n;
  }
  std::vector<std::vector<Place>> ranks;
  for (const auto& layer : scores.neurons) ranks.push_back(ranked({layer}));
  double left = budget;
  for (const auto& layer : kept->heads) left -= costs.head * static_cast<double>(count(layer));
  for (const int64_t n : numbers) left -= costs.neuron * static_cast<double>(n);
  for (;;) {
    size_t best = numbers.size();
    double most = 0;
    for (size_t l = 0; l < numbers.size(); ++l) {
      const auto all = static_cast<int64_t>(scores.neurons[l].size());
      const int64_t more = std::min(step, all - numbers[l]);
      if (more <= 0 || static_cast<double>(more) * costs.neuron > left) continue;
      double gain = 0;
      for (int64_t i = 0; i < more; ++i)
        gain += ranks[l][static_cast<size_t>(numbers[l] + i)].score;
      if (best < numbers.size() && gain <= most) continue;
      most = gain;
      best = l;
    }
    if (best == numbers.size()) break;
    const int64_t more =
        std::min(step, static_cast<int64_t>(scores.neurons[best].size()) - numbers[best]);
    numbers[best] += more;
    left -= static_cast<double>(more) * costs.neuron;
  }
  for (size_t l = 0; l < numbers.size(); ++l)
    kept->neurons[l] = keep_best(scores.neurons[l], numbers[l]);
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

Kept search(const Scores& scores, const UnitCosts& costs, double budget) {
  const std::vector<Place> heads = ranked(scores.heads), neurons = ranked(scores.neurons);
  const std::vector<double> of_heads = sums_of(heads), of_neurons = sums_of(neurons);
  size_t best_heads = 0, best_neurons = 0;
  double best = -1;
  for (size_t k = 0; k <= heads.size(); ++k) {
    const double left = budget - static_cast<double>(k) * costs.head;
    if (left < 0) break;
    const auto pays = static_cast<size_t>(
        std::min(std::floor(left / costs.neuron), static_cast<double>(neurons.size())));
    const double value = of_heads[k] + of_neurons[pays];
    if (value <= best) continue;
    best = value;
    best_heads = k;
    best_neurons = pays;
  }
  return {keep_first(scores.heads, heads, best_heads),
          keep_first(scores.neurons, neurons, best_neurons)};
}

void check_budget(const Kept& all, const UnitCosts& costs, double budget, int64_t step) {
  double least = 0;
  const auto add = [&](const std::vector<uint8_t>& layer, int64_t number, double cost_of_one) {
    least += cost_of_one * static_cast<double>(std::min(count(layer), number));
  };
  for (const auto& layer : all.heads) add(layer, 1, costs.head);
  for (const auto& layer : all.neurons) add(layer, step, costs.neuron);
  if (least <= budget) return;
  const double full = cost(all, costs);
  fail_usage(
      "a share of {:.3g} of the multiply-accumulates, expected at least {:.3g}: each layer "
      "keeps a head and {} neurons",
      budget / full, std::ceil(least / full * 1e3) / 1e3, step);
}

Kept search_rounded(const Scores& scores, const UnitCosts& costs, double budget, int64_t step) {
  double all = 0;
  for (const auto* kind : {&scores.heads, &scores.neurons})
    for (const auto& layer : *kind) all = std::accumulate(layer.begin(), layer.end(), all);
  // What must stay is worth more than all else together.
  Scores raised = scores;
  const auto raise = [&](std::vector<double>* layer, int64_t number) {
    const std::vector<Place> best = ranked({*layer});
    const size_t stay = std::min(best.size(), static_cast<size_t>(number));
    for (size_t i = 0; i < stay; ++i) (*layer)[best[i].unit] += all;
  };
  for (auto& layer : raised.heads) raise(&layer, 1);
  for (auto& layer : raised.neurons) raise(&layer, step);
  Kept kept = search(raised, costs, budget);
  round_neurons(scores, costs, budget, step, &kept);
  return kept;
}

void rearrange(std::span<const MaskGradients> layers, Kept* kept) {
  for (size_t l = 0; l < layers.size(); ++l) {
    rearrange_units(layers[l].heads, &kept->heads[l]);
    rearrange_units(layers[l].neurons, &kept->neurons[l]);
  }
}

int64_t LatencyTable::full() const {
  int64_t sum = 0;
  for (const auto& layer : heads) sum += layer.back();
  for (const auto& layer : neurons) sum += layer.back();
  return sum;
}

Kept search(const Scores& scores, const LatencyTable& table, int64_t budget) {
  std::vector<Choice> choices;
  for (size_t l = 0; l < table.heads.size(); ++l) {
    std::vector<int64_t> counts(table.heads[l].size());
    std::iota(counts.begin(), counts.end(), int64_t{0});
    choices.push_back(choice_of(scores.heads[l], std::move(counts), table.heads[l]));
  }
  for (size_t l = 0; l < table.neurons.size(); ++l)
    choices.push_back(choice_of(scores.neurons[l], table.neuron_counts, table.neurons[l]));
  int64_t least = 0;
  for (const Choice& c : choices) least += *std::min_element(c.costs.begin(), c.costs.end());
  if (least > budget)
    fail_usage(
        "a budget of {} microseconds, expected at least {}: what is left without any heads "
        "and neurons takes that",
        budget, least);
  // best[s][b]: the greatest value of the first s sublayers for at most b.
  const auto width = static_cast<size_t>(budget) + 1;
  std::vector<double> best(width, 0);
  std::vector<std::vector<int32_t>> taken(choices.size(), std::vector<int32_t>(width, -1));
  for (size_t s = 0; s < choices.size(); ++s) {
    std::vector<double> next(width, -1);
    for (size_t b = 0; b < width; ++b) {
      for (size_t k = 0; k < choices[s].counts.size(); ++k) {
        const auto price = static_cast<size_t>(choices[s].costs[k]);
        if (price > b || best[b - price] < 0) continue;
        const double value = best[b - price] + choices[s].values[k];
        if (value <= next[b]) continue;
        next[b] = value;
        taken[s][b] = static_cast<int32_t>(k);
      }
    }
    best = std::move(next);
  }
  Kept kept{{table.heads.size(), std::vector<uint8_t>()},
            {table.neurons.size(), std::vector<uint8_t>()}};
  size_t left = width - 1;
  for (size_t s = choices.size(); s-- > 0;) {
    const auto k = static_cast<size_t>(taken[s][left]);
    const size_t layers = table.heads.size();
    auto& units = s < layers ? kept.heads[s] : kept.neurons[s - layers];
    units = keep_best(*choices[s].scores, choices[s].counts[k]);
    left -= static_cast<size_t>(choices[s].costs[k]);
  }
  return kept;
}

}  // namespace costeff::prune
