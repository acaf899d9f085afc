#include <algorithm>
#include <cmath>

#include "kernels/kernel_table.h"
#include "kernels/plain/plain_small.h"

namespace costeff::kernels {
namespace {

// Packed: [round_up(n)][k], as w itself.
void pack(const float* w, int64_t ldw, int64_t n, int64_t k, float* packed) {
  for (int64_t j = 0; j < round_up(n); ++j) {
    for (int64_t i = 0; i < k; ++i) packed[j * k + i] = j < n ? w[j * ldw + i] : 0.0f;
  }
}

void pack_transposed(const float* w, int64_t ldw, int64_t n, int64_t k, float* packed) {
  for (int64_t j = 0; j < round_up(n); ++j) {
    for (int64_t i = 0; i < k; ++i) packed[j * k + i] = j < n ? w[i * ldw + j] : 0.0f;
  }
}

double apply(Activation f, double v) {
  switch (f) {
    case Activation::gelu_erf:
      return 0.5 * v * (1 + std::erf(v * 0.70710678118654752440));
    case Activation::gelu_tanh:
      return 0.5 * v * (1 + std::tanh(0.79788456080286535588 * (v + 0.044715 * v * v * v)));
    case Activation::relu:
      return v > 0 ? v : 0;
    case Activation::silu:
      return v / (1 + std::exp(-v));
    case Activation::tanh:
      return std::tanh(v);
    case Activation::none:
      return v;
  }
  return v;
}

// `more` gives what is added to each sum in the end.
template <typename More>
void linear_from(const float* x, int64_t ldx, int64_t m, const float* packed, int64_t n, int64_t k,
                 float* y, int64_t ldy, More more) {
  for (int64_t r = 0; r < m; ++r) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += static_cast<double>(x[r * ldx + i]) * packed[j * k + i];
      y[r * ldy + j] = static_cast<float>(sum + more(r, j));
    }
  }
}

void linear(const float* x, int64_t ldx, int64_t m, const float* packed, const float* bias,
            int64_t n, int64_t k, float* y, int64_t ldy) {
  linear_from(x, ldx, m, packed, n, k, y, ldy,
              [&](int64_t, int64_t j) { return bias ? bias[j] : 0.0f; });
}

void linear_on(const float* x, int64_t ldx, int64_t m, const float* packed, int64_t n, int64_t k,
               float* y, int64_t ldy) {
  linear_from(x, ldx, m, packed, n, k, y, ldy,
              [&](int64_t r, int64_t j) { return y[r * ldy + j]; });
}

void softmax(float* s, int64_t lds, int64_t m, int64_t n, float scale) {
  for (int64_t r = 0; r < m; ++r, s += lds) {
    const double largest = *std::max_element(s, s + n);
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += std::exp((s[j] - largest) * scale);
    for (int64_t j = 0; j < n; ++j)
      s[j] = static_cast<float>(std::exp((s[j] - largest) * scale) / sum);
    std::fill(s + n, s + round_up(n), 0.0f);
  }
}

void activate(Activation f, float* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] = static_cast<float>(apply(f, x[i]));
}

void add_layer_norm(float* x, int64_t ldx, const float* y, int64_t ldy, int64_t m, int64_t h,
                    const float* weight, const float* bias, float eps) {
  for (int64_t r = 0; r < m; ++r, x += ldx) {
    double mean = 0, variance = 0;
    for (int64_t j = 0; j < h; ++j) {
      if (y) x[j] += y[r * ldy + j];
      mean += x[j];
    }
    mean /= static_cast<double>(h);
    for (int64_t j = 0; j < h; ++j) variance += (x[j] - mean) * (x[j] - mean);
    variance /= static_cast<double>(h);
    const double scale = 1 / std::sqrt(variance + static_cast<double>(eps));
    for (int64_t j = 0; j < h; ++j)
      x[j] = static_cast<float>((x[j] - mean) * scale * weight[j] + bias[j]);
  }
}

}  // namespace

const KernelTable kReference{
    .name = "reference",
    .panel = kLane,
    .softmax = softmax,
    .activate = activate,
    .add_layer_norm = add_layer_norm,
    .float32 = PlainFloats<pack, pack_transposed, linear, linear_on>::float32,
    .bfloat16 = PlainFloats<pack, pack_transposed, linear, linear_on>::bfloat16,
    .int8 = kPlainInt8};

}  // namespace costeff::kernels
