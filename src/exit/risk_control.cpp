#include "exit/risk_control.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/binomial.h"

namespace costeff::exits {
namespace {

// An upper bound on the supremum over v in [drop, v_hi], to about a hundredth of its value.
double largest_over_share(int64_t n, int64_t t, double drop, double v_hi) {
  const auto at = [&](double plus, double minus) {
    return trinomial_difference_cdf(t, n, plus / 2, std::max(0.0, minus / 2));
  };
  struct Cell {
    double low, high;
    int depth;
  };
  double reached = at(v_hi + drop, v_hi - drop), bound = reached;
  std::vector<Cell> cells{{drop, v_hi, 0}};
  while (!cells.empty()) {
    const Cell c = cells.back();
    cells.pop_back();
    const double above = at(c.low + drop, c.high - drop);
    constexpr int kDeepest = 12;
    if (above <= reached * 1.01 + 1e-15 || c.depth == kDeepest) {
      bound = std::max(bound, above);
      continue;
    }
    const double middle = (c.low + c.high) / 2;
    reached = std::max(reached, at(middle + drop, middle - drop));
    cells.push_back({c.low, middle, c.depth + 1});
    cells.push_back({middle, c.high, c.depth + 1});
  }
  return bound;
}

}  // namespace

double binomial_p_value(int64_t n, int64_t sum, double risk) {
  return n > 0 ? binomial_cdf(sum, n, risk) : 1;
}

double hoeffding_bentkus_p_value(int64_t n, double mean, double risk) {
  if (n <= 0 || mean >= risk) return 1;
  if (risk >= 1) return 0;
  const auto rows = static_cast<double>(n);
  const double first = mean > 0 ? mean * std::log(mean / risk) : 0;
  const double divergence = first + (1 - mean) * std::log((1 - mean) / (1 - risk));
  // rows * mean may differ from a whole number only in the last bits of a double.
  const auto count = static_cast<int64_t>(std::ceil(rows * mean - 1e-12 * rows));
  const double bentkus = std::numbers::e * binomial_cdf(count, n, risk);
  return std::min({1.0, std::exp(-rows * divergence), bentkus});
}

double trinomial_difference_cdf(int64_t t, int64_t n, double p_plus, double p_minus) {
  if (t >= n) return 1;
  if (t < -n) return 0;
  if (p_minus <= 0) return binomial_cdf(t, n, p_plus);
  // Sum over Y = y of P(Y = y) P(X <= t + y | Y = y), where X is binomial among the other rows.
  // The two tails of Y that are left out have less than 1e-16.
  const double given = std::min(1.0, p_plus / (1 - p_minus));
  const auto rows = static_cast<double>(n);
  const double spread = 9 * std::sqrt(rows * p_minus * (1 - p_minus)) + 45;
  int64_t y = std::max<int64_t>({0, -t, static_cast<int64_t>(std::floor(rows * p_minus - spread))});
  int64_t others = n - y, k = t + y;
  double weight = binomial_pmf(y, n, p_minus), mass = binomial_pmf(k, others, given);
  double below = binomial_cdf(k, others, given), sum = 0;
  while (true) {
    sum += weight * std::min(below, 1.0);
    const double at = static_cast<double>(y), left = static_cast<double>(others);
    if (y == n || (at > rows * p_minus && weight < 1e-18)) break;
    // For one more Y: from P(X <= k) among `others` to P(X <= k + 1) among one fewer. Both terms that
    // are added follow from the one before by a factor, unless that has underflowed.
    constexpr double kTiny = 1e-250;
    const double miss = 1 - given, free = left - static_cast<double>(k);
    ++y, --others, ++k;
    const bool direct = mass < kTiny || miss <= 0;
    const double same = direct ? binomial_pmf(k - 1, others, given) : mass * free / (left * miss);
    mass = direct ? binomial_pmf(k, others, given)
                  : same * (free - 1) / static_cast<double>(k) * given / miss;
    below += given * same + mass;
    weight = weight < kTiny ? binomial_pmf(y, n, p_minus)
                            : weight * (rows - at) / (at + 1) * p_minus / (1 - p_minus);
  }
  return std::min(sum, 1.0);
}

double accuracy_drop_p_value(int64_t n, int64_t losses, int64_t gains, double drop, double gamma) {
  if (n <= 0) return 1;
  if (drop >= 1) return 0;
  const double v_hi = binomial_upper(losses + gains, n, gamma);
  if (v_hi < drop) return gamma;
  return std::min(1.0, gamma + largest_over_share(n, losses - gains, drop, v_hi));
}

int64_t fixed_sequence(int64_t count, double level, const std::function<double(int64_t)>& p_value) {
  int64_t i = 0;
  while (i < count && p_value(i) <= level) ++i;
  return i;
}

int64_t fewest_rows(double level, int64_t limit, const std::function<double(int64_t)>& p_value) {
  int64_t low = 0, high = 1;  // p_value(low) > level
  while (p_value(high) > level) {
    low = high;
    if (high >= limit) return 0;
    high = std::min(limit, 2 * high);
  }
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (p_value(middle) <= level ? high : low) = middle;
  }
  return high;
}

}  // namespace costeff::exits
