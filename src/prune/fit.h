#pragma once

// Least squares that make up for units that were dropped: the output of a sublayer, before its LayerNorm,
// is fitted to a target on real rows (../shared spec of pruning without retraining, sections 4 and 8).

#include <Eigen/Core>
#include <cstdint>
#include <optional>

#include "base/threads/crew.h"

namespace costeff::prune {

// What a fit needs of the rows (tokens) it is made on. a: inputs of the kept columns of the output
// matrix; r: what they are to give: the target less the residual and the bias.
struct Moments {
  Eigen::MatrixXd aa;  // [n, n]: sum of a a', of which the lower triangle is filled
  Eigen::MatrixXd ar;  // [n, H]: sum of a r'
  Eigen::VectorXd a;   // [n]
  Eigen::VectorXd r;   // [H]
  int64_t rows = 0;

  Moments(int64_t n, int64_t hidden);
  // a [count, n], r [count, H]. Every thread of the crew calls it and adds some columns, the same bits for
  // any number of threads; they have met when it returns.
  void add(const Eigen::MatrixXd& rows_of_a, const Eigen::MatrixXd& rows_of_r, const Crew& crew);
};

// The output matrix [H, n] that fits best, with a ridge of `ridge` times the mean diagonal of aa towards
// `old`.
Eigen::MatrixXd refit(const Moments& m, const Eigen::MatrixXd& old, double ridge);

// Normal equations of one scale for each unit: groups of `size` columns. ones: with a last unknown,
// a shift common to all coordinates, which LayerNorm ignores.
struct ScaleEquations {
  Eigen::MatrixXd n;  // [units (+ 1), units (+ 1)]
  Eigen::VectorXd b;
};
ScaleEquations scale_equations(const Moments& m, const Eigen::MatrixXd& weight, int64_t size,
                               bool ones);

// Kwon's rule: the least |N (s - 1) - (b - N 1)|^2 + |s - 1|^2; a single unit is not damped. Without the
// shift. None: a scale is beyond `limit`.
std::optional<Eigen::VectorXd> reference_scales(const ScaleEquations& e, bool ones, double limit);
// Ours: (N + D) s = b + D 1, where D is `ridge` times the mean diagonal, and 0 for the shift.
std::optional<Eigen::VectorXd> damped_scales(const ScaleEquations& e, bool ones, double ridge,
                                             double limit);

}  // namespace costeff::prune
