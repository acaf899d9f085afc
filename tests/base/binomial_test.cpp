#include "base/binomial.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace costeff {
namespace {

struct BinomialCase {
  int64_t k, n;
  double p, cdf;
};

TEST(Binomial, Tail) {
  const BinomialCase cases[] = {
      {0, 299, 0.01, 0.049536256637662481},
      {3, 872, 0.01, 0.025325163850527665},
      {8, 872, 0.01, 0.49258468903117972},
      {20, 872, 0.01, 0.99973033070569722},
      {0, 1, 0.5, 0.5},
      {7, 10, 0.3, 0.9984096136},
      {450, 1000, 0.5, 0.0008652680424881588},
      {120, 20000, 0.0075, 0.0063925829981128903},
      {990, 1000, 0.98, 0.99531924956858564},
      {5, 15, 0.9, 1.86620248e-7},
  };
  for (const BinomialCase& c : cases) {
    EXPECT_NEAR(binomial_cdf(c.k, c.n, c.p), c.cdf, 1e-12) << c.k << " of " << c.n;
    EXPECT_NEAR(binomial_cdf(c.k, c.n, c.p) / c.cdf, 1, 1e-11) << c.k << " of " << c.n;
  }
}

TEST(Binomial, Edges) {
  EXPECT_EQ(binomial_cdf(-1, 5, 0.5), 0);
  EXPECT_EQ(binomial_cdf(5, 5, 0.5), 1);
  EXPECT_EQ(binomial_cdf(2, 5, 0), 1);
  EXPECT_EQ(binomial_cdf(2, 5, 1), 0);
  EXPECT_EQ(binomial_pmf(0, 0, 0.3), 1);
  EXPECT_EQ(binomial_pmf(3, 2, 0.3), 0);
  for (int64_t n : {1, 2, 17, 400}) {
    double sum = 0;
    for (int64_t k = 0; k <= n; ++k) {
      sum += binomial_pmf(k, n, 0.37);
      EXPECT_NEAR(binomial_cdf(k, n, 0.37), sum, 1e-12);
    }
  }
}

TEST(Binomial, UpperIsClopperPearson) {
  const struct {
    int64_t k, n;
    double level, upper;
  } cases[] = {{0, 100, 0.05, 0.029513049607039935},
               {3, 872, 0.005, 0.01253139589402331},
               {18, 872, 0.005, 0.036504064944897341},
               {50, 100, 0.01, 0.61928253309304755}};
  for (const auto& c : cases) EXPECT_NEAR(binomial_upper(c.k, c.n, c.level), c.upper, 1e-12);
  EXPECT_EQ(binomial_upper(4, 4, 0.05), 1);
}

TEST(Binomial, InverseIsTheInverse) {
  for (const double a : {0.5, 1.0, 7.0, 4000.0}) {
    for (const double b : {1.0, 3.0, 100.0}) {
      for (const double p : {1e-6, 0.025, 0.5, 0.975}) {
        EXPECT_NEAR(incomplete_beta(a, b, inverse_incomplete_beta(a, b, p)), p, 1e-12)
            << a << " " << b << " " << p;
      }
    }
  }
}

// Nothing throws, and no result is outside its range.
TEST(Binomial, ArgumentsAtTheEdges) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const auto is_share = [](double v) { return std::isnan(v) || (v >= 0 && v <= 1); };
  for (const double a : {kNan, -kInf, -1.0, 0.0, 1e-300, 0.5, 2.0, 1e6, 1e15, 1e308, kInf}) {
    for (const double b : {kNan, -1.0, 0.0, 1e-300, 0.5, 3.0, 1e12, 1e308, kInf}) {
      for (const double x : {kNan, -kInf, -1.0, 0.0, 1e-308, 0.3, 1 - 1e-16, 1.0, 2.0, kInf}) {
        EXPECT_TRUE(is_share(incomplete_beta(a, b, x))) << a << " " << b << " " << x;
        EXPECT_TRUE(is_share(inverse_incomplete_beta(a, b, x))) << a << " " << b << " " << x;
      }
    }
  }
  for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{872}, int64_t{1} << 40}) {
    for (const int64_t k : {int64_t{-1}, int64_t{0}, n / 2, n, n + 1}) {
      for (const double p : {kNan, -1.0, 0.0, 1e-300, 0.5, 1.0, 2.0}) {
        EXPECT_TRUE(is_share(binomial_pmf(k, n, p))) << k << " " << n << " " << p;
        EXPECT_TRUE(is_share(binomial_cdf(k, n, p))) << k << " " << n << " " << p;
        EXPECT_TRUE(is_share(binomial_upper(k, n, p))) << k << " " << n << " " << p;
      }
    }
  }
  EXPECT_TRUE(std::isnan(incomplete_beta(2, 3, kNan)));
  EXPECT_TRUE(std::isnan(binomial_cdf(2, 5, kNan)));
  EXPECT_EQ(incomplete_beta(2, 3, 2), 1);
  EXPECT_EQ(inverse_incomplete_beta(2, 3, 0), 0);
}

}  // namespace
}  // namespace costeff
