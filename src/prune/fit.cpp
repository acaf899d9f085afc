#include "prune/fit.h"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>

namespace costeff::prune {
namespace {

constexpr int64_t kColumns = 64;  // that one thread adds to

std::optional<Eigen::VectorXd> within(const Eigen::VectorXd& scales, int64_t units, double limit) {
  const Eigen::VectorXd s = scales.head(units);
  if (!s.allFinite() || s.cwiseAbs().maxCoeff() > limit) return std::nullopt;
  return s;
}

}  // namespace

Moments::Moments(int64_t n, int64_t hidden)
    : aa(Eigen::MatrixXd::Zero(n, n)),
      ar(Eigen::MatrixXd::Zero(n, hidden)),
      a(Eigen::VectorXd::Zero(n)),
      r(Eigen::VectorXd::Zero(hidden)) {}

void Moments::add(const Eigen::MatrixXd& rows_of_a, const Eigen::MatrixXd& rows_of_r,
                  const Crew& crew) {
  const int64_t n = aa.rows(), hidden = r.size();
  int64_t piece = 0;
  const auto is_mine = [&] { return piece++ % crew.size == crew.rank; };
  for (int64_t c = 0; c < n; c += kColumns) {
    if (!is_mine()) continue;
    const int64_t width = std::min(kColumns, n - c);
    aa.block(c, c, n - c, width).noalias() +=
        rows_of_a.rightCols(n - c).transpose() * rows_of_a.middleCols(c, width);
    a.segment(c, width) += rows_of_a.middleCols(c, width).colwise().sum().transpose();
  }
  for (int64_t c = 0; c < hidden; c += kColumns) {
    if (!is_mine()) continue;
    const int64_t width = std::min(kColumns, hidden - c);
    ar.middleCols(c, width).noalias() += rows_of_a.transpose() * rows_of_r.middleCols(c, width);
    r.segment(c, width) += rows_of_r.middleCols(c, width).colwise().sum().transpose();
  }
  if (crew.leads()) rows += rows_of_a.rows();
  crew.meet();
}

Eigen::MatrixXd refit(const Moments& m, const Eigen::MatrixXd& old, double ridge) {
  const double mu = ridge * m.aa.diagonal().mean();
  Eigen::MatrixXd left = m.aa.selfadjointView<Eigen::Lower>();
  left.diagonal().array() += mu;
  const Eigen::MatrixXd right = m.ar + mu * old.transpose();
  return left.ldlt().solve(right).transpose();
}

ScaleEquations scale_equations(const Moments& m, const Eigen::MatrixXd& weight, int64_t size,
                               bool ones) {
  const int64_t units = m.aa.rows() / size, all = units + ones;
  const Eigen::MatrixXd full = m.aa.selfadjointView<Eigen::Lower>();
  const Eigen::MatrixXd products = full.cwiseProduct(weight.transpose() * weight);
  const Eigen::VectorXd fits = m.ar.cwiseProduct(weight.transpose()).rowwise().sum();
  const Eigen::VectorXd shifts = m.a.cwiseProduct(weight.colwise().sum().transpose());
  ScaleEquations e{Eigen::MatrixXd::Zero(all, all), Eigen::VectorXd::Zero(all)};
  for (int64_t i = 0; i < units; ++i) {
    for (int64_t j = 0; j < units; ++j)
      e.n(i, j) = products.block(i * size, j * size, size, size).sum();
    e.b[i] = fits.segment(i * size, size).sum();
    if (ones) e.n(i, units) = e.n(units, i) = shifts.segment(i * size, size).sum();
  }
  if (ones) {
    e.n(units, units) = static_cast<double>(m.rows * m.r.size());
    e.b[units] = m.r.sum();
  }
  return e;
}

std::optional<Eigen::VectorXd> reference_scales(const ScaleEquations& e, bool ones, double limit) {
  const int64_t all = e.b.size(), units = all - ones;
  if (units == 0) return Eigen::VectorXd();
  if (all == 1) return within(e.b / e.n(0, 0), 1, limit);
  const Eigen::VectorXd one = Eigen::VectorXd::Ones(all);
  Eigen::MatrixXd left = e.n * e.n;
  left.diagonal().array() += 1;
  return within(one + left.ldlt().solve(e.n * (e.b - e.n * one)), units, limit);
}

std::optional<Eigen::VectorXd> damped_scales(const ScaleEquations& e, bool ones, double ridge,
                                             double limit) {
  const int64_t all = e.b.size(), units = all - ones;
  if (units == 0) return Eigen::VectorXd();
  Eigen::VectorXd damping = Eigen::VectorXd::Zero(all);
  damping.head(units).setConstant(ridge * e.n.diagonal().head(units).mean());
  Eigen::MatrixXd left = e.n;
  left.diagonal() += damping;
  return within(left.partialPivLu().solve(e.b + damping), units, limit);
}

}  // namespace costeff::prune
