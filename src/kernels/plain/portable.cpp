// Fixed-size Eigen arrays throughout: their code paths do not depend on sizes or addresses. Those
// of Eigen's general products do, and round differently for tail rows and for single rows.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <unsupported/Eigen/SpecialFunctions>

#include "kernels/kernel_table.h"
#include "kernels/plain/plain_small.h"

namespace costeff::kernels {
namespace {

constexpr float kInvSqrt2 = 0.70710678118654752f;
constexpr float kSqrt2OverPi = 0.79788456080286536f;

// Packed weights: panels [ceil(n / kPanel)][k][kPanel], the last one padded with 0.
constexpr int64_t kPanel = 8;
static_assert(kLane % kPanel == 0);

using Lane = Eigen::Array<float, kPanel, 1>;
using ConstLaneMap = Eigen::Map<const Lane, Eigen::Aligned32>;
using LaneMap = Eigen::Map<Lane, Eigen::Aligned32>;
using LooseLane = Eigen::Map<const Lane>;

void pack(const float* w, int64_t ldw, int64_t n, int64_t k, float* packed) {
  for (int64_t j = 0; j < n; j += kPanel, packed += kPanel * k) {
    const int64_t width = std::min(kPanel, n - j);
    for (int64_t c = 0; c < kPanel; ++c) {
      const float* row = w + (j + c) * ldw;
      for (int64_t i = 0; i < k; ++i) packed[i * kPanel + c] = c < width ? row[i] : 0.0f;
    }
  }
}

void pack_transposed(const float* w, int64_t ldw, int64_t n, int64_t k, float* packed) {
  for (int64_t j = 0; j < n; j += kPanel, packed += kPanel * k) {
    const int64_t width = std::min(kPanel, n - j);
    for (int64_t i = 0; i < k; ++i) {
      const float* row = w + i * ldw + j;
      for (int64_t c = 0; c < kPanel; ++c) packed[i * kPanel + c] = c < width ? row[c] : 0.0f;
    }
  }
}

template <typename F>
void each_lane(float* x, int64_t count, F&& f) {
  for (int64_t i = 0; i < count; i += kPanel) {
    LaneMap v(x + i);
    v = f(Lane(v));
  }
}

// count: a multiple of kPanel.
void activate_lanes(Activation f, float* x, int64_t count) {
  switch (f) {
    case Activation::gelu_erf:
      return each_lane(x, count, [](const Lane& v) -> Lane {
        const Lane scaled = v * kInvSqrt2;
        return 0.5f * v * (1.0f + scaled.erf());
      });
    case Activation::gelu_tanh:
      return each_lane(x, count, [](const Lane& v) -> Lane {
        const Lane inner = kSqrt2OverPi * (v + 0.044715f * v * v * v);
        // Beyond 9 tanh is 1 to the last bit, and Eigen's, by fused multiply-adds, is not: a large v
        // would show it.
        return 0.5f * v * (1.0f + (inner.abs() > 9.0f).select(inner.sign(), inner.tanh()));
      });
    case Activation::relu:
      return each_lane(x, count, [](const Lane& v) -> Lane { return v.max(0.0f); });
    case Activation::silu:
      return each_lane(x, count, [](const Lane& v) -> Lane { return v / (1.0f + (-v).exp()); });
    case Activation::tanh:
      return each_lane(x, count, [](const Lane& v) -> Lane { return v.tanh(); });
    case Activation::none:
      return;
  }
}

void activate(Activation f, float* x, int64_t count) {
  // What follows the last element may be anything, a signalling NaN included.
  std::fill(x + count, x + round_up(count), 0.0f);
  activate_lanes(f, x, round_up(count));
}

// R rows of x against one panel. With 16 vector registers of 4 floats, the sums of 4 rows take 8 of
// them.
// kOn: added to y.
template <bool kOn, int R>
inline void tile(const float* x, int64_t ldx, const float* panel, const float* bias, int64_t width,
                 int64_t k, float* y, int64_t ldy) {
  alignas(32) Lane sum[R];
  for (int r = 0; r < R; ++r) {
    sum[r].setZero();
    if (kOn) std::copy_n(y + r * ldy, width, sum[r].data());
  }
  for (int64_t i = 0; i < k; ++i) {
    const Lane w = ConstLaneMap(panel + i * kPanel);
    for (int r = 0; r < R; ++r) sum[r] += x[r * ldx + i] * w;
  }
  for (int r = 0; r < R; ++r) {
    if (bias) {
      for (int64_t c = 0; c < width; ++c) sum[r][c] += bias[c];
    }
    std::copy_n(sum[r].data(), width, y + r * ldy);
  }
}

template <bool kOn>
void all_tiles(const float* x, int64_t ldx, int64_t m, const float* packed, const float* bias,
               int64_t n, int64_t k, float* y, int64_t ldy) {
  // Panels outside, rows inside: a panel stays in the first-level cache while all rows pass it.
  for (int64_t j = 0; j < n; j += kPanel, packed += kPanel * k) {
    const int64_t width = std::min(kPanel, n - j);
    const float* b = bias ? bias + j : nullptr;
    int64_t i = 0;
    for (; i + 4 <= m; i += 4)
      tile<kOn, 4>(x + i * ldx, ldx, packed, b, width, k, y + i * ldy + j, ldy);
    switch (m - i) {
      case 3:
        tile<kOn, 3>(x + i * ldx, ldx, packed, b, width, k, y + i * ldy + j, ldy);
        break;
      case 2:
        tile<kOn, 2>(x + i * ldx, ldx, packed, b, width, k, y + i * ldy + j, ldy);
        break;
      case 1:
        tile<kOn, 1>(x + i * ldx, ldx, packed, b, width, k, y + i * ldy + j, ldy);
        break;
      default:
        break;
    }
  }
}

void linear(const float* x, int64_t ldx, int64_t m, const float* packed, const float* bias,
            int64_t n, int64_t k, float* y, int64_t ldy) {
  all_tiles<false>(x, ldx, m, packed, bias, n, k, y, ldy);
}

void linear_on(const float* x, int64_t ldx, int64_t m, const float* packed, int64_t n, int64_t k,
               float* y, int64_t ldy) {
  all_tiles<true>(x, ldx, m, packed, nullptr, n, k, y, ldy);
}

void softmax(float* s, int64_t lds, int64_t m, int64_t n, float scale) {
  const int64_t padded = round_up(n);
  for (int64_t i = 0; i < m; ++i, s += lds) {
    std::fill(s + n, s + padded, -std::numeric_limits<float>::infinity());
    Lane top = LaneMap(s);
    for (int64_t j = kPanel; j < padded; j += kPanel) top = top.max(LaneMap(s + j));
    const float largest = top.maxCoeff();
    Lane sums = Lane::Zero();
    for (int64_t j = 0; j < padded; j += kPanel) {
      LaneMap v(s + j);
      v = ((v - largest) * scale).exp();
      // Eigen's vectorised exp gives a tiny number, not 0, for -inf.
      if (j + kPanel > n) std::fill(s + n, s + padded, 0.0f);
      sums += v;
    }
    const float inverse = 1.0f / sums.sum();
    for (int64_t j = 0; j < padded; j += kPanel) LaneMap(s + j) *= inverse;
  }
}

void add_layer_norm(float* x, int64_t ldx, const float* y, int64_t ldy, int64_t m, int64_t h,
                    const float* weight, const float* bias, float eps) {
  const int64_t whole = h / kPanel * kPanel;
  for (int64_t i = 0; i < m; ++i, x += ldx) {
    if (y) {
      const float* add = y + i * ldy;
      for (int64_t j = 0; j < h; ++j) x[j] += add[j];
    }
    Lane sums = Lane::Zero();
    for (int64_t j = 0; j < whole; j += kPanel) sums += LooseLane(x + j);
    for (int64_t j = whole; j < h; ++j) sums[j - whole] += x[j];
    const float mean = sums.sum() / static_cast<float>(h);
    sums.setZero();
    for (int64_t j = 0; j < whole; j += kPanel) sums += (LooseLane(x + j) - mean).square();
    for (int64_t j = whole; j < h; ++j) sums[j - whole] += (x[j] - mean) * (x[j] - mean);
    const float variance = sums.sum() / static_cast<float>(h);
    const float scale = 1.0f / std::sqrt(variance + eps);
    for (int64_t j = 0; j < h; ++j) x[j] = (x[j] - mean) * scale * weight[j] + bias[j];
  }
}

}  // namespace

const KernelTable kPortable{
    .name = "portable",
    .panel = kLane,  // packing pads to it: pieces must not overlap
    .softmax = softmax,
    .activate = activate,
    .add_layer_norm = add_layer_norm,
    .float32 = PlainFloats<pack, pack_transposed, linear, linear_on>::float32,
    .bfloat16 = PlainFloats<pack, pack_transposed, linear, linear_on>::bfloat16,
    .int8 = kPlainInt8};

}  // namespace costeff::kernels
