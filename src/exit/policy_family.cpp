#include <costeff/error.h>
#include <costeff/policy.h>
#include <costeff/tune.h>

#include <algorithm>
#include <cmath>

#include "exit/policy.h"

namespace costeff {
namespace {

constexpr int64_t kThresholds = 400;

// To four significant digits, so that exit_policy.json has a short number, the one that was tested.
double rounded(double v) {
  if (v == 0) return 0;
  const double scale = std::pow(10.0, 3 - std::floor(std::log10(std::abs(v))));
  return std::round(v * scale) / scale;
}

// The threshold of a step, from one with which no row leaves to one with which all do. The entropies of
// confident answers are 1e-3 and less, so the steps begin small and grow as cubes.
double threshold_of(PolicyKind kind, int64_t step, int64_t labels) {
  const double u = static_cast<double>(step) / static_cast<double>(kThresholds);
  const double c = static_cast<double>(std::max<int64_t>(labels, 2)), cube = u * u * u;
  switch (kind) {
    case PolicyKind::entropy:
      // The last step is just above ln C, so that even a uniform distribution leaves.
      return rounded(cube * (std::log(c) + 1e-3));
    case PolicyKind::max_prob:
      return 1 - rounded(cube * (1 - 1 / c + 1e-3));
    case PolicyKind::margin:
      return 1 - rounded(cube);
    default:
      return rounded(cube);
  }
}

// What a policy costs on the rows of a search.
struct SearchCost {
  double lost = 0;   // sum of losses; gains do not count, as most of them are luck
  double depth = 0;  // sum of exit layers
};

class SearchRows {
 public:
  SearchRows(const ExitTable& t, std::span<const float> loss) : table_(t), loss_(loss) {}

  SearchCost run(const ExitPolicy& policy) {
    decide_exits(table_, policy, &exits_);
    SearchCost j;
    for (size_t row = 0; row < exits_.size(); ++row) {
      const size_t at = table_.at(static_cast<int64_t>(row), exits_[row]);
      j.lost += std::max(0.0, static_cast<double>(loss_[at]));
      j.depth += static_cast<double>(table_.layers[static_cast<size_t>(exits_[row])]);
    }
    return j;
  }

 private:
  const ExitTable& table_;
  std::span<const float> loss_;
  std::vector<int32_t> exits_;
};

// The shortest number above v that is no larger than `limit`, which is above v; 0 <= v.
double short_above(double v, double limit) {
  for (int digits = 3; v > 0 && digits < 9; ++digits) {
    const double scale = std::pow(10.0, digits - 1 - std::floor(std::log10(v)));
    const double up = (std::floor(v * scale) + 1) / scale;
    if (up <= limit) return up;
  }
  return limit;
}

}  // namespace

std::vector<ExitPolicy> policy_family(PolicyKind kind, const ExitTable& t, int64_t exit_start,
                                      double value_threshold) {
  std::vector<ExitPolicy> out;
  ExitPolicy p;
  p.kind = kind;
  p.exit_start = exit_start;
  switch (kind) {
    case PolicyKind::never:
      out.push_back(p);
      break;
    case PolicyKind::fixed:
      for (int64_t e = t.exits(); e-- > 0;) {
        p.layer = t.layers[static_cast<size_t>(e)];
        if (p.layer >= exit_start) out.push_back(p);
      }
      break;
    case PolicyKind::patience:
      // Of E exits at most E - 1 agree with the one before them.
      for (p.patience = t.exits(); p.patience > 0; --p.patience) {
        if (is_regression(t)) p.thresholds = {value_threshold};
        out.push_back(p);
      }
      break;
    default:
      for (int64_t step = 0; step <= kThresholds; ++step) {
        p.thresholds = {threshold_of(kind, step, t.num_labels)};
        if (out.empty() || out.back().thresholds != p.thresholds) out.push_back(p);
      }
  }
  return out;
}

std::vector<double> quantile_thresholds(const ExitTable& t, PolicyKind kind, int64_t count,
                                        int64_t exit) {
  const bool above = policy_traits(kind).leaves_above;
  // Doubt is the entropy, the uncertainty, or 1 minus a probability. Rows with little doubt leave first.
  std::vector<double> doubts;
  const int64_t first = exit < 0 ? 0 : exit, last = exit < 0 ? t.exits() - 2 : exit;
  for (int64_t row = 0; row < t.rows(); ++row) {
    for (int64_t e = first; e <= last; ++e) {
      const double score = exits::compared_score(kind, exits::score_at(t, t.at(row, e)));
      doubts.push_back(std::max(0.0, above ? 1 - score : score));
    }
  }
  std::vector<double> out{above ? 1.0 : 0.0};
  if (doubts.empty()) return out;
  std::sort(doubts.begin(), doubts.end());
  std::vector<double> quantiles;
  for (int64_t q = 1; q <= count; ++q) {
    const auto at = static_cast<size_t>(static_cast<double>(doubts.size() - 1) *
                                        static_cast<double>(q) / static_cast<double>(count));
    if (quantiles.empty() || doubts[at] > quantiles.back()) quantiles.push_back(doubts[at]);
  }
  for (size_t i = 0; i < quantiles.size(); ++i) {
    const double v = quantiles[i];
    // Not past the middle between this quantile and the next.
    const double limit = i + 1 < quantiles.size() ? (v + quantiles[i + 1]) / 2 : v * 1.05 + 1e-9;
    const double doubt = short_above(v, limit);
    // Rounded, so that 1 - 0.05 is 0.95.
    const double threshold = above ? std::max(0.0, std::round((1 - doubt) * 1e12) / 1e12) : doubt;
    if (threshold != out.back()) out.push_back(threshold);
  }
  return out;
}

std::vector<ExitPolicy> per_layer_path(const ExitTable& t, std::span<const float> loss,
                                       PolicyKind kind, int64_t exit_start) {
  const int64_t layers = t.layers.back(), ramps = t.exits() - 1;
  check_by_layer(kind);
  ExitPolicy p;
  p.kind = kind;
  p.exit_start = exit_start;
  p.thresholds.assign(static_cast<size_t>(layers), policy_traits(kind).leaves_above ? 1.0 : 0.0);
  std::vector<ExitPolicy> path{p};
  if (ramps < 1 || t.rows() == 0) return path;

  constexpr int64_t kRungs = 40;  // thresholds that one layer may take
  std::vector<std::vector<double>> ladders;
  for (int64_t e = 0; e < ramps; ++e) ladders.push_back(quantile_thresholds(t, kind, kRungs, e));
  std::vector<size_t> rung(static_cast<size_t>(ramps), 0);
  SearchRows search(t, loss);
  SearchCost now = search.run(p);
  while (true) {
    int64_t best = -1;
    size_t best_rung = 0;
    double best_rate = 0;
    SearchCost best_cost;
    for (int64_t e = 0; e < ramps; ++e) {
      const auto& steps = ladders[static_cast<size_t>(e)];
      const int64_t layer = t.layers[static_cast<size_t>(e)];
      if (layer < exit_start) continue;
      // Rungs at which no further row leaves are skipped. Of the rest a few are tried, so that a bad
      // step does not hide a good one after it.
      constexpr int kTried = 3;
      int tried = 0;
      ExitPolicy p_next = p;
      for (size_t next = rung[static_cast<size_t>(e)] + 1; next < steps.size(); ++next) {
        p_next.thresholds[static_cast<size_t>(layer - 1)] = steps[next];
        const SearchCost cost = search.run(p_next);
        if (cost.depth >= now.depth) continue;
        // Half a row is added to the loss, as a step that happens to cost nothing is not free.
        const double rate = (cost.lost - now.lost + 0.5) / (now.depth - cost.depth);
        if (best < 0 || rate < best_rate) {
          best = e;
          best_rung = next;
          best_rate = rate;
          best_cost = cost;
        }
        if (++tried == kTried) break;
      }
    }
    if (best < 0) return path;
    const auto layer = static_cast<size_t>(t.layers[static_cast<size_t>(best)] - 1);
    rung[static_cast<size_t>(best)] = best_rung;
    p.thresholds[layer] = ladders[static_cast<size_t>(best)][best_rung];
    path.push_back(p);
    now = best_cost;
  }
}

}  // namespace costeff
