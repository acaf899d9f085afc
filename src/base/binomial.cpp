#include "base/binomial.h"

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <exception>
#include <limits>

namespace costeff {
namespace {

namespace bmp = boost::math::policies;

// Boost's default is to throw.
using NoThrow =
    bmp::policy<bmp::domain_error<bmp::ignore_error>, bmp::pole_error<bmp::ignore_error>,
                bmp::overflow_error<bmp::ignore_error>, bmp::underflow_error<bmp::ignore_error>,
                bmp::denorm_error<bmp::ignore_error>, bmp::rounding_error<bmp::ignore_error>,
                bmp::evaluation_error<bmp::ignore_error>,
                bmp::indeterminate_result_error<bmp::ignore_error>>;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

// Boost's series no longer converge beyond this, which no count of rows reaches.
bool is_shape(double v) { return v > 0 && v < 1e19; }

}  // namespace

double incomplete_beta(double a, double b, double x) {
  if (std::isnan(x) || !is_shape(a) || !is_shape(b)) return kNotANumber;
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return boost::math::ibeta(a, b, x, NoThrow());
}

double inverse_incomplete_beta(double a, double b, double p) {
  if (std::isnan(p) || !is_shape(a) || !is_shape(b)) return kNotANumber;
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  // In places its root finders raise errors by the default policy, whatever policy they are given.
  try {
    return boost::math::ibeta_inv(a, b, p, NoThrow());
  } catch (const std::exception&) {
    return kNotANumber;
  }
}

double binomial_pmf(int64_t k, int64_t n, double p) {
  if (std::isnan(p)) return p;
  if (k < 0 || k > n) return 0;
  if (p <= 0) return k == 0 ? 1 : 0;
  if (p >= 1) return k == n ? 1 : 0;
  const auto x = static_cast<double>(k), rows = static_cast<double>(n);
  return boost::math::pdf(boost::math::binomial_distribution<double, NoThrow>(rows, p), x);
}

double binomial_cdf(int64_t k, int64_t n, double p) {
  if (std::isnan(p)) return p;
  if (k < 0) return 0;
  if (k >= n || p <= 0) return 1;
  if (p >= 1) return 0;
  const auto x = static_cast<double>(k), rows = static_cast<double>(n);
  return boost::math::ibetac(x + 1, rows - x, p, NoThrow());
}

double binomial_upper(int64_t k, int64_t n, double level) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return inverse_incomplete_beta(static_cast<double>(k) + 1, static_cast<double>(n - k), 1 - level);
}

}  // namespace costeff
