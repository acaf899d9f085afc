#pragma once

// Promises about unseen rows, from rows that were seen: p-values that hold for any distribution and any
// number of rows, and tests in a fixed order. Pure functions of numbers.
//
// They all assume that the rows at hand and later ones are exchangeable: drawn alike, in no particular
// order. Rows from another source, or a setting chosen on the same rows, void the promise.
//
//   Angelopoulos, Bates, Candes, Jordan, Lei 2021, Learn then Test: Calibrating Predictive
//     Algorithms to Achieve Risk Control
//   Bates, Angelopoulos, Lei, Malik, Jordan 2021, Distribution-Free, Risk-Controlling Prediction
//     Sets
//   Schuster, Fisch, Jaakkola, Barzilay 2021, Consistent Accelerated Inference via Confident
//     Adaptive Transformers
//   Jazbec, Timans, Hadzi Veljkovic, Sakmann, Zhang, Naesseth, Nalisnick 2024, Fast yet Safe:
//     Early-Exiting with Risk Control
//   Berger, Boos 1994, P Values Maximized over a Confidence Set for the Nuisance Parameter

#include <cstdint>
#include <functional>

namespace costeff::exits {

// `sum` of n losses of 0 or 1 were 1. Returns the p-value of "the risk is above `risk`", from the exact
// binomial distribution.
double binomial_p_value(int64_t n, int64_t sum, double risk);

// The same for losses in [0, 1] whose mean is `mean`: Hoeffding-Bentkus (Bates et al. 2021,
// theorem 3; Learn then Test, proposition 1).
double hoeffding_bentkus_p_value(int64_t n, double mean, double risk);

// Of n rows, `losses` were right at full depth and are wrong now, `gains` the reverse. Returns the
// p-value of "accuracy falls by more than `drop`".
//
// Each row's loss is +1, -1 or 0, with probabilities p+, p- and the rest; the null is
// p+ - p- > drop. The distribution of losses - gains also depends on the share v = p+ + p- of rows that
// change at all, and a test for any loss in [-1, 1], without knowing v, would need thousands of rows.
// So v is bounded first (Berger and Boos): with probability >= 1 - gamma it is below
// v_hi = binomial_upper(losses + gains, n, gamma), and the result is
//   gamma + sup over v in [drop, v_hi] of P(losses - gains <= what was seen | p+ - p- = drop),
// which is a valid p-value: v above v_hi costs gamma, and below it the supremum covers the truth.
// A larger p+ - p- at the same v only makes the difference larger, and v < drop contradicts the
// null. The supremum is bounded from above, cell by cell: for v in [a, b] the difference is
// smallest in distribution at p+ = (a + drop) / 2, p- = (b - drop) / 2.
double accuracy_drop_p_value(int64_t n, int64_t losses, int64_t gains, double drop, double gamma);

// P(X - Y <= t) for (X, Y, the rest) multinomial with n trials, p_plus and p_minus.
double trinomial_difference_cdf(int64_t t, int64_t n, double p_plus, double p_minus);

// Fixed-sequence testing: tests hypotheses 0, 1, ... in an order fixed beforehand, each at `level`, until
// the first that is not rejected. Returns the number of rejected ones. The chance that any of those is
// true is at most `level`, however many there are.
int64_t fixed_sequence(int64_t count, double level, const std::function<double(int64_t)>& p_value);

// The smallest number of rows for which p_value(rows) <= level; 0 if it is above `limit`. p_value must
// fall as rows grow.
int64_t fewest_rows(double level, int64_t limit, const std::function<double(int64_t)>& p_value);

}  // namespace costeff::exits
