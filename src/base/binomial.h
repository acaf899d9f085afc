#pragma once

// The incomplete beta function and the binomial distribution, by Boost.Math. Relative errors are
// about 1e-14. Nothing here throws: outside the ranges given, functions return their limits there,
// and NaN for NaN.

#include <cstdint>

namespace costeff {

// Regularised incomplete beta function I_x(a, b), a and b > 0, and its inverse in x: the x at which
// it is p.
double incomplete_beta(double a, double b, double x);
double inverse_incomplete_beta(double a, double b, double p);

// P(Bin(n, p) = k) and P(Bin(n, p) <= k); 0 <= p <= 1, n >= 0, any k.
double binomial_pmf(int64_t k, int64_t n, double p);
double binomial_cdf(int64_t k, int64_t n, double p);

// The p with P(Bin(n, p) <= k) = level, an upper bound on the true one with confidence 1 - level
// (Clopper and Pearson, one-sided). 1 for k >= n.
double binomial_upper(int64_t k, int64_t n, double level);

}  // namespace costeff
