// Gradients in double, an element at a time.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

// Vectors of one number.
using Vec = double;
using Sum = double;
constexpr int kWidth = 1;
inline int64_t round_lane(int64_t n) { return round_up(n); }
inline Vec zero() { return 0; }
inline Vec set1(double v) { return v; }
inline Vec loadu_few(const float* p, int64_t) { return *p; }
inline void storeu_few(float* p, Vec v, int64_t) { *p = static_cast<float>(v); }
inline Vec first(Vec v, int64_t) { return v; }
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec add(Vec a, Vec b) { return a + b; }
inline Vec sub(Vec a, Vec b) { return a - b; }
inline Vec mul(Vec a, Vec b) { return a * b; }
inline Vec div(Vec a, Vec b) { return a / b; }
inline Vec min(Vec a, Vec b) { return std::min(a, b); }
inline Vec absolute(Vec a) { return std::fabs(a); }
inline Vec root(Vec a) { return std::sqrt(a); }
inline double square_root(double v) { return std::sqrt(v); }
inline Vec exp_of(Vec x) { return std::exp(x); }
inline Vec tanh_of(Vec x) { return std::tanh(x); }
inline Vec zero_where_less(Vec x, Vec limit, Vec v) { return x < limit ? 0 : v; }
inline void transpose(Vec*) {}
template <typename F>
double grad_sum(int64_t h, F f) {
  double sum = 0;
  for (int64_t j = 0; j < h; ++j) sum += f(j, 1);
  return sum;
}

#include "kernels/grad.inc"

}  // namespace

const GradTable kReferenceGrad = kGrad;

}  // namespace costeff::kernels
