#pragma once

// Promises about rows that were not seen, from rows that were: p-values that hold for any
// distribution and any number of rows, and testing in a fixed order. Pure functions of numbers.
//
// They all assume that the rows at hand and those to come are exchangeable: drawn alike, in no
// particular order. Rows from another source, or a setting chosen on the same rows, void the
// promise.
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

// Of n losses of 0 or 1, `sum` were 1. P-value of "the risk is above `risk`", by the exact
// binomial.
double binomial_p_value(int64_t n, int64_t sum, double risk);

// The same for losses in [0, 1] whose mean is `mean`: Hoeffding-Bentkus (Bates et al. 2021,
// theorem 3; Learn then Test, proposition 1).
double hoeffding_bentkus_p_value(int64_t n, double mean, double risk);

// Rows that were right at full depth and are wrong now (`losses`), and the other way round
// (`gains`), among n. P-value of "accuracy falls by more than `drop`".
//
// Each row's loss is +1, -1 or 0, with probabilities p+, p- and the rest; the null is
// p+ - p- > drop. Its difference losses - gains is known up to the share v = p+ + p- of rows that
// change sides at all, and a two-sided loss in [-1, 1] with unknown v would need thousands of rows.
// So v is bounded first (Berger and Boos): with probability >= 1 - gamma it lies below
// v_hi = binomial_upper(losses + gains, n, gamma), and the answer is
//   gamma + sup over v in [drop, v_hi] of P(losses - gains <= what was seen | p+ - p- = drop),
// which is a valid p-value: v above v_hi costs gamma, and below it the supremum covers the truth.
// A larger p+ - p- at the same v only makes the difference larger, and v < drop contradicts the
// null. The supremum is bounded from above, cell by cell: for v in [a, b] the difference is
// smallest in distribution at p+ = (a + drop) / 2, p- = (b - drop) / 2.
double accuracy_drop_p_value(int64_t n, int64_t losses, int64_t gains, double drop, double gamma);

// P(X - Y <= t) for (X, Y, the rest) multinomial with n trials, p_plus and p_minus.
double trinomial_difference_cdf(int64_t t, int64_t n, double p_plus, double p_minus);

// Fixed-sequence testing: hypotheses 0, 1, ... in an order fixed beforehand, each at `level`, until
// the first that is not rejected. Returns how many are. The chance that any of them is true is at
// most `level`, however many there are.
int64_t fixed_sequence(int64_t count, double level, const std::function<double(int64_t)>& p_value);

// The smallest number of rows at which p_value(rows) <= level; p_value must fall as rows grow. 0:
// it is above `most`.
int64_t fewest_rows(double level, int64_t most, const std::function<double(int64_t)>& p_value);

}  // namespace costeff::exits
