#pragma once

// A random model of one layer, and the formulas of its parts in double, with which the tests of model/
// compare.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned.h"
#include "base/format.h"
#include "kernels/kernel_table.h"
#include "model/layer.h"
#include "model/spec.h"
#include "model/tensors.h"
#include "test_random.h"

namespace costeff::model {

using Matrix = std::vector<std::vector<double>>;

// A model of one layer with random weights.
struct OneLayer {
  std::mt19937_64 rng{test_seed()};
  Tensors tensors;
  Model model;
  int64_t made = 0;

  Tensor tensor(std::vector<int64_t> shape, float mean, float scale) {
    int64_t count = 1;
    for (int64_t n : shape) count *= n;
    FloatBuffer values = random_floats(count, scale, &rng);
    for (int64_t i = 0; i < count; ++i) values.data()[i] += mean;
    return tensors.make(fmt::format("t{}", made++), DType::f32, std::move(shape), values.data());
  }
  Linear linear(int64_t out, int64_t in) {
    const Tensor weight = tensor({out, in}, 0, 1 / std::sqrt(static_cast<float>(in)));
    return add_linear(&model.parameters, weight, tensor({out}, 0, 0.3f));
  }
  LayerNorm norm(int64_t h) {
    const Tensor weight = tensor({h}, 1, 0.2f);
    return add_norm(&model.parameters, weight, tensor({h}, 0, 0.2f));
  }

  // The output of a sublayer without units.
  Linear bias_alone(int64_t h) {
    const Tensor bias = tensor({h}, 0, 0.3f);
    return {h, 0, kNone, model.parameters.add(Role::attention_out, Part::bias, bias)};
  }

  // empty: a sublayer of 0 units is there, with its bias and its LayerNorm.
  OneLayer(int64_t h, int64_t d, int64_t heads, int64_t f, bool empty = false) {
    model.arch.hidden_size = h;
    model.arch.head_size = d;
    model.arch.layer_norm_eps = 1e-5f;
    const int64_t a = heads * d;
    Layer layer;
    if (heads > 0) {
      layer.attention =
          Attention{linear(a, h), linear(a, h), linear(a, h), linear(h, a), norm(h), heads};
    }
    const Linear none{0, h, kNone, kNone};
    if (heads == 0 && empty)
      layer.attention = Attention{none, none, none, bias_alone(h), norm(h), 0};
    if (f == 0 && empty) layer.ffn = FeedForward{none, bias_alone(h), norm(h)};
    if (f > 0) layer.ffn = FeedForward{linear(f, h), linear(h, f), norm(h)};
    model.arch.layers.push_back(std::move(layer));
  }
};

inline double at(const Tensor& t, int64_t i, int64_t j = 0) {
  const int64_t columns = t.shape.size() > 1 ? t.shape[1] : 1;
  return reinterpret_cast<const float*>(t.data)[i * columns + j];
}

inline Matrix linear_of(const Model& m, const Linear& l, const Matrix& x) {
  const Tensor& bias = m.parameters.tensor(l.bias);
  Matrix y;
  for (const auto& row : x) {
    y.emplace_back();
    for (int64_t o = 0; o < l.out; ++o) {
      double sum = at(bias, o);
      for (int64_t i = 0; i < l.in; ++i)
        sum += at(m.parameters.tensor(l.weight), o, i) * row[static_cast<size_t>(i)];
      y.back().push_back(sum);
    }
  }
  return y;
}

// x = LayerNorm(x + y)
inline void add_and_norm(const Model& m, const LayerNorm& n, const Matrix& y, Matrix* x) {
  const Tensor &weight = m.parameters.tensor(n.weight), &bias = m.parameters.tensor(n.bias);
  const double eps = m.arch.layer_norm_eps;
  for (size_t r = 0; r < x->size(); ++r) {
    auto& row = (*x)[r];
    double mean = 0, variance = 0;
    for (size_t j = 0; j < row.size(); ++j) mean += row[j] += y[r][j];
    mean /= static_cast<double>(row.size());
    for (double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
    for (size_t j = 0; j < row.size(); ++j) {
      row[j] = (row[j] - mean) / std::sqrt(variance + eps) * at(weight, static_cast<int64_t>(j)) +
               at(bias, static_cast<int64_t>(j));
    }
  }
}

// softmax(q k^T / sqrt(d)) v for one head after another: the context [S, A] of one sequence, of which
// the first `real` tokens are attended to.
inline Matrix context_of(const Model& m, const Attention& a, const Matrix& x, size_t real) {
  const auto d = static_cast<size_t>(m.arch.head_size);
  if (a.heads == 0) return Matrix(x.size());
  const Matrix q = linear_of(m, a.query, x), k = linear_of(m, a.key, x),
               v = linear_of(m, a.value, x);
  Matrix context(x.size(), std::vector<double>(static_cast<size_t>(a.query.out)));
  for (size_t h = 0; h < static_cast<size_t>(a.heads); ++h) {
    for (size_t i = 0; i < x.size(); ++i) {
      std::vector<double> p(real);
      double sum = 0;
      for (size_t j = 0; j < real; ++j) {
        double dot = 0;
        for (size_t c = h * d; c < (h + 1) * d; ++c) dot += q[i][c] * k[j][c];
        sum += p[j] = std::exp(dot / std::sqrt(static_cast<double>(d)));
      }
      for (size_t j = 0; j < real; ++j) {
        for (size_t c = h * d; c < (h + 1) * d; ++c) context[i][c] += p[j] / sum * v[j][c];
      }
    }
  }
  return context;
}

// B sequences end to end.
struct Sequences {
  std::vector<int32_t> start{0};  // [B + 1]
  std::vector<int32_t> real;      // [B]

  // In sequences of more than 10 tokens the last 3 are padding.
  explicit Sequences(const std::vector<int32_t>& lengths) {
    for (int32_t n : lengths) {
      start.push_back(start.back() + n);
      real.push_back(n > 10 ? n - 3 : n);
    }
  }
  int64_t count() const { return static_cast<int64_t>(real.size()); }
  int64_t tokens() const { return start.back(); }
  PackedView view() const { return {count(), start.data(), real.data()}; }
  // Sequence b's rows of x [T, columns].
  Matrix rows(const float* x, int64_t columns, size_t b) const {
    Matrix m;
    for (int64_t t = start[b]; t < start[b + 1]; ++t)
      m.emplace_back(x + t * columns, x + (t + 1) * columns);
    return m;
  }
};

// All kernel tables this CPU runs, and their names as gtest takes them.
inline std::vector<const kernels::KernelTable*> every_table() {
  std::vector<const kernels::KernelTable*> v;
  for (const kernels::KernelTable* const* t = kernels::all_tables(); *t; ++t) v.push_back(*t);
  return v;
}
struct TableName {
  template <typename Info>
  std::string operator()(const Info& info) const {
    std::string name = info.param->name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
  }
};

}  // namespace costeff::model
