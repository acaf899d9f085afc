// Known values: mpmath with 40 digits, sums of the definition's terms.

#include "exit/risk_control.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/binomial.h"

namespace costeff::exits {
namespace {

TEST(RiskControl, BinomialPValue) {
  EXPECT_EQ(binomial_p_value(872, 3, 0.01), binomial_cdf(3, 872, 0.01));
  EXPECT_EQ(binomial_p_value(0, 0, 0.1), 1);  // no rows, no promise
}

TEST(RiskControl, HoeffdingBentkus) {
  const struct {
    int64_t n;
    double mean, risk, p;
  } cases[] = {{500, 0.02, 0.05, 0.0012504290884051252}, {500, 0, 0.01, 0.0065704830424146329},
               {1000, 0.095, 0.1, 0.86848907450058086},  {872, 0.3333, 0.5, 6.9688459195347091e-23},
               {40, 0.1, 0.3, 0.0069612372541208818},    {2000, 0.4, 0.42, 0.099312152805706463}};
  for (const auto& c : cases) {
    EXPECT_NEAR(hoeffding_bentkus_p_value(c.n, c.mean, c.risk), c.p, 1e-12) << c.n;
    EXPECT_NEAR(hoeffding_bentkus_p_value(c.n, c.mean, c.risk) / c.p, 1, 1e-10) << c.n;
  }
  EXPECT_EQ(hoeffding_bentkus_p_value(100, 0.3, 0.3), 1);
  EXPECT_EQ(hoeffding_bentkus_p_value(0, 0, 0.3), 1);
}

TEST(RiskControl, TrinomialDifference) {
  const struct {
    int64_t t, n;
    double plus, minus, cdf;
  } cases[] = {{0, 10, 0.3, 0.2, 0.4082123101},
               {-3, 60, 0.1, 0.05, 0.029843919657883833},
               {2, 150, 0.03, 0.02, 0.64886759780274816},
               {-20, 100, 0.2, 0.3, 0.086971623003672396},
               {5, 100, 0.001, 0.5, 1.0}};
  for (const auto& c : cases)
    EXPECT_NEAR(trinomial_difference_cdf(c.t, c.n, c.plus, c.minus), c.cdf, 1e-12) << c.n;
}

// The supremum over the nuisance share, against a fine grid of it.
TEST(RiskControl, AccuracyDropCoversEveryShare) {
  for (const auto& [n, losses, gains] : {std::tuple<int64_t, int64_t, int64_t>{872, 2, 1},
                                         {872, 9, 9},
                                         {872, 40, 41},
                                         {300, 0, 0},
                                         {300, 5, 20},
                                         {5000, 60, 50}}) {
    const double gamma = 0.005, drop = 0.02;
    const double p = accuracy_drop_p_value(n, losses, gains, drop, gamma);
    const double v_hi = binomial_upper(losses + gains, n, gamma);
    double largest = 0;
    for (int i = 0; v_hi >= drop && i <= 500; ++i) {
      const double v = drop + (v_hi - drop) * i / 500;
      largest = std::max(
          largest, trinomial_difference_cdf(losses - gains, n, (v + drop) / 2, (v - drop) / 2));
    }
    EXPECT_GE(p, std::min(1.0, gamma + largest) - 1e-12);
    EXPECT_LE(p, gamma + largest * 1.02 + 1e-9);
  }
}

// At the edge of the null, P(p <= a) <= a: counted over all outcomes, not drawn.
TEST(RiskControl, PValuesAreValid) {
  const int64_t n = 60;
  const double drop = 0.05, gamma = 0.005;
  for (double v : {0.05, 0.08, 0.2, 0.6}) {
    const double plus = (v + drop) / 2, minus = (v - drop) / 2;
    double below_5 = 0, below_20 = 0;
    for (int64_t b = 0; b <= n; ++b) {
      const double outer = binomial_pmf(b, n, minus);
      for (int64_t a = 0; a <= n - b && outer > 1e-9; ++a) {
        const double mass = outer * binomial_pmf(a, n - b, plus / (1 - minus));
        if (mass < 1e-9) continue;
        const double p = accuracy_drop_p_value(n, a, b, drop, gamma);
        if (p <= 0.05) below_5 += mass;
        if (p <= 0.2) below_20 += mass;
      }
    }
    EXPECT_LE(below_5, 0.05) << v;
    EXPECT_LE(below_20, 0.2) << v;
  }
}

TEST(RiskControl, FixedSequenceStopsAtTheFirst) {
  const double p[] = {0.01, 0.05, 0.2, 0.001};
  int asked = 0;
  EXPECT_EQ(fixed_sequence(4, 0.05,
                           [&](int64_t i) {
                             ++asked;
                             return p[i];
                           }),
            2);
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(fixed_sequence(0, 0.05, [](int64_t) { return 0.0; }), 0);
}

TEST(RiskControl, FewestRows) {
  // (1 - 0.01)^n <= 0.05 first at 299.
  EXPECT_EQ(fewest_rows(0.05, 1000000, [](int64_t n) { return binomial_p_value(n, 0, 0.01); }),
            299);
  EXPECT_EQ(fewest_rows(0.05, 100, [](int64_t n) { return binomial_p_value(n, 0, 0.01); }), 0);
  EXPECT_EQ(fewest_rows(0.05, 100, [](int64_t) { return 0.0; }), 1);
}

}  // namespace
}  // namespace costeff::exits
