#include <costeff/error.h>
#include <costeff/policy.h>
#include <costeff/tune.h>

#include <algorithm>
#include <cmath>
#include <numbers>

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
    case PolicyKind::confident_patience:
      // The last step is just above ln C, so that even a uniform distribution leaves.
      return rounded(cube * (std::log(c) + 1e-3));
    case PolicyKind::max_prob:
      return 1 - rounded(cube * (1 - 1 / c + 1e-3));
    case PolicyKind::margin:
      return 1 - rounded(cube);
    case PolicyKind::divergence_patience:
      return rounded(cube * (std::numbers::ln2 + 1e-3));  // ln 2 is the largest
    default:
      return rounded(cube);
  }
}

// Thresholds of the evidence policy, from one with which no row leaves down to 0. Between the sums of the
// weights up to exit k and up to exit k - 1, a row whose exits agree leaves at k. There the steps begin small
// and grow as cubes, as most answers are nearly sure.
std::vector<double> evidence_ladder(const ExitTable& t, const ExitPolicy& form) {
  std::vector<double> sums{0};  // of the weights of the exits that are looked at, before the last
  for (int64_t e = 0; e + 1 < t.exits(); ++e) {
    const int64_t layer = t.layers[static_cast<size_t>(e)];
    if (layer < form.exit_start) continue;
    exits::ExitState state{.seen = true, .evidence = sums.back()};
    sums.push_back(exits::add_evidence(form, layer, {.prob = 1}, &state));
  }
  constexpr double kScale = 1e6;  // so that exit_policy.json has a short number
  // Not below the largest sum, so that with the first no row leaves.
  const double most = std::ceil(sums.back() * kScale);
  std::vector<double> out{(most / kScale < sums.back() ? most + 1 : most) / kScale};
  const auto segments = static_cast<int64_t>(sums.size()) - 1;
  const int64_t steps = segments > 0 ? std::max<int64_t>(1, kThresholds / segments) : 0;
  for (size_t k = sums.size() - 1; k > 0; --k) {
    for (int64_t step = 1; step <= steps; ++step) {
      const double u = static_cast<double>(step) / static_cast<double>(steps);
      const double exact = sums[k] - (sums[k] - sums[k - 1]) * u * u * u;
      const double threshold = std::round(exact * kScale) / kScale;
      if (threshold < out.back()) out.push_back(threshold);
    }
  }
  return out;
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

// Thresholds that separate doubts (the entropy, the uncertainty, or the greatest score minus the score): rows
// with little doubt leave first. most: the greatest score, if rows leave above the threshold; else 0.
std::vector<double> separate(std::vector<double> doubts, int64_t count, double most) {
  const bool above = most > 0;
  std::vector<double> out{most};
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
    const double threshold =
        above ? std::max(0.0, std::round((most - doubt) * 1e12) / 1e12) : doubt;
    if (threshold != out.back()) out.push_back(threshold);
  }
  return out;
}

}  // namespace

std::vector<ExitPolicy> policy_family(PolicyKind kind, const ExitTable& t, int64_t exit_start,
                                      double value_threshold) {
  ExitPolicy form;
  form.kind = kind;
  form.exit_start = exit_start;
  if (is_regression(t) && kind == PolicyKind::patience) form.thresholds = {value_threshold};
  return policy_family(form, t);
}

std::vector<ExitPolicy> policy_family(const ExitPolicy& form, const ExitTable& t) {
  std::vector<ExitPolicy> out;
  ExitPolicy p = form;
  // A multi-label answer is a decision between two for each label.
  const int64_t labels = is_multi_label(t) ? 2 : t.num_labels;
  switch (p.kind) {
    case PolicyKind::never:
      out.push_back(p);
      break;
    case PolicyKind::fixed:
      for (int64_t e = t.exits(); e-- > 0;) {
        p.layer = t.layers[static_cast<size_t>(e)];
        if (p.layer >= p.exit_start) out.push_back(p);
      }
      break;
    case PolicyKind::patience:
      // Of E exits at most E - 1 agree with the one before them.
      for (p.patience = t.exits(); p.patience > 0; --p.patience) out.push_back(p);
      break;
    case PolicyKind::evidence:
      for (const double threshold : evidence_ladder(t, form)) {
        p.thresholds = {threshold};
        out.push_back(p);
      }
      break;
    default:
      for (int64_t step = 0; step <= kThresholds; ++step) {
        p.thresholds = {threshold_of(p.kind, step, labels)};
        if (out.empty() || out.back().thresholds != p.thresholds) out.push_back(p);
      }
  }
  return out;
}

std::vector<double> quantile_thresholds(const ExitTable& t, PolicyKind kind, int64_t count,
                                        int64_t exit) {
  const bool above = policy_traits(kind).leaves_above;
  std::vector<double> doubts;
  // The first exit has no divergence.
  const int64_t lowest = kind == PolicyKind::divergence_patience ? 1 : 0;
  const int64_t first = exit < 0 ? lowest : exit, last = exit < 0 ? t.exits() - 2 : exit;
  for (int64_t row = 0; row < t.rows(); ++row) {
    for (int64_t e = first; e <= last; ++e) {
      const double score = exits::compared_score(kind, exits::score_at(t, t.at(row, e)));
      doubts.push_back(std::max(0.0, above ? 1 - score : score));
    }
  }
  return separate(std::move(doubts), count, above ? 1 : 0);
}

std::vector<double> evidence_thresholds(const ExitTable& t, const ExitPolicy& form, int64_t count) {
  const double most = evidence_ladder(t, form).front();
  std::vector<double> doubts;
  for (int64_t row = 0; row < t.rows(); ++row) {
    exits::ExitState state;
    for (int64_t e = 0; e + 1 < t.exits(); ++e) {
      const int64_t layer = t.layers[static_cast<size_t>(e)];
      if (layer < form.exit_start) continue;
      const double sum = exits::add_evidence(form, layer, exits::score_at(t, t.at(row, e)), &state);
      doubts.push_back(std::max(0.0, most - sum));
    }
  }
  return separate(std::move(doubts), count, most);
}

std::vector<double> estimated_weights(const ExitTable& t, std::span<const int64_t> gold) {
  if (t.rows() == 0) throw Error(ErrorKind::internal, "no rows to estimate exit weights on");
  std::vector<double> out(static_cast<size_t>(std::max<int64_t>(1, t.layers.back() - 1)), 0);
  for (int64_t e = 0; e + 1 < t.exits(); ++e) {
    int64_t right = 0;
    for (int64_t row = 0; row < t.rows(); ++row) {
      const int64_t truth =
          gold.empty() ? t.label[t.at(row, t.exits() - 1)] : gold[static_cast<size_t>(row)];
      right += t.label[t.at(row, e)] == truth;
    }
    const double share = static_cast<double>(right) / static_cast<double>(t.rows());
    out[static_cast<size_t>(t.layers[static_cast<size_t>(e)] - 1)] = std::round(share * 1e4) / 1e4;
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
