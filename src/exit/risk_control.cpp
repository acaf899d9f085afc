#include "exit/risk_control.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace costeff::exits {
namespace {

// ln n! less Stirling's (n + 1/2) ln n - n + ln(2 pi) / 2.
double stirling_error(double n) {
  if (n < 16) {
    return std::lgamma(n + 1) - (n + 0.5) * std::log(n) + n - 0.5 * std::log(2 * std::numbers::pi);
  }
  const double s = 1 / (n * n);
  return (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s / 1188)))) / n;
}

// x ln(x / m) + m - x, without cancellation where x is near m.
double deviance(double x, double m) {
  const double d = (x - m) / (x + m);
  if (std::abs(d) > 0.1) return x * std::log(x / m) + m - x;
  // ln(x / m) = 2 atanh d, and x - m = d (x + m).
  double sum = (x - m) * d, power = 2 * x * d;
  for (int i = 3; i < 100; i += 2) {
    power *= d * d;
    const double next = sum + power / i;
    if (next == sum) break;
    sum = next;
  }
  return sum;
}

// Sum of pmf over k, k - 1, ..., 0; falls at least geometrically below the mean.
double lower_tail(int64_t k, int64_t n, double p) {
  double term = binomial_pmf(k, n, p), sum = 0;
  const double odds = (1 - p) / p;
  for (int64_t j = k; j >= 0 && term > sum * 1e-18; --j) {
    sum += term;
    term *= static_cast<double>(j) / static_cast<double>(n - j + 1) * odds;
  }
  return sum;
}

// sup over v in [drop, v_hi], from above, to about a hundredth of its value.
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

// Loader 2000, Fast and Accurate Computation of Binomial Probabilities.
double binomial_pmf(int64_t k, int64_t n, double p) {
  if (k < 0 || k > n) return 0;
  if (p <= 0) return k == 0 ? 1 : 0;
  if (p >= 1) return k == n ? 1 : 0;
  const auto x = static_cast<double>(k), m = static_cast<double>(n), y = m - x;
  if (k == 0) return std::exp(m * std::log1p(-p));
  if (k == n) return std::exp(m * std::log(p));
  const double exponent = stirling_error(m) - stirling_error(x) - stirling_error(y) -
                          deviance(x, m * p) - deviance(y, m * (1 - p));
  return std::exp(exponent) * std::sqrt(m / (2 * std::numbers::pi * x * y));
}

double binomial_cdf(int64_t k, int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n || p <= 0) return 1;
  if (p >= 1) return 0;
  if (static_cast<double>(k) <= static_cast<double>(n) * p) return lower_tail(k, n, p);
  return 1 - lower_tail(n - k - 1, n, 1 - p);
}

double binomial_upper(int64_t k, int64_t n, double level) {
  if (k >= n) return 1;
  double low = 0, high = 1;
  // The upper end of what is left of the interval: never too small.
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (binomial_cdf(k, n, middle) >= level ? low : high) = middle;
  }
  return high;
}

double binomial_p_value(int64_t n, int64_t sum, double risk) {
  return n > 0 ? binomial_cdf(sum, n, risk) : 1;
}

double hoeffding_bentkus_p_value(int64_t n, double mean, double risk) {
  if (n <= 0 || mean >= risk) return 1;
  if (risk >= 1) return 0;
  const auto rows = static_cast<double>(n);
  const double first = mean > 0 ? mean * std::log(mean / risk) : 0;
  const double divergence = first + (1 - mean) * std::log((1 - mean) / (1 - risk));
  // rows * mean may be a whole number but for the last bits of a double.
  const auto count = static_cast<int64_t>(std::ceil(rows * mean - 1e-12 * rows));
  const double bentkus = std::numbers::e * binomial_cdf(count, n, risk);
  return std::min({1.0, std::exp(-rows * divergence), bentkus});
}

double trinomial_difference_cdf(int64_t t, int64_t n, double p_plus, double p_minus) {
  if (t >= n) return 1;
  if (t < -n) return 0;
  if (p_minus <= 0) return binomial_cdf(t, n, p_plus);
  // Sum over Y = y of P(Y = y) P(X <= t + y | Y = y), where X is binomial among the other rows.
  // Both tails of Y that are left out hold less than 1e-16.
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
    // One row more is a Y: from P(X <= k) among `others` to P(X <= k + 1) among one fewer. Both
    // terms that are added follow from the one before by a factor, unless that has underflowed.
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

int64_t fewest_rows(double level, int64_t most, const std::function<double(int64_t)>& p_value) {
  int64_t low = 0, high = 1;  // p_value(low) > level
  while (p_value(high) > level) {
    low = high;
    if (high >= most) return 0;
    high = std::min(most, 2 * high);
  }
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (p_value(middle) <= level ? high : low) = middle;
  }
  return high;
}

}  // namespace costeff::exits
