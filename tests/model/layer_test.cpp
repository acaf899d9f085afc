// One layer against the formulas of the paper, written out in double.

#include "model/layer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "test_random.h"

namespace costeff::model {
namespace {

using Matrix = std::vector<std::vector<double>>;

// A model of one layer whose tensors lie in `values`.
struct OneLayer {
  std::mt19937_64 rng{test_seed()};
  std::vector<std::unique_ptr<FloatBuffer>> values;
  Model model;

  Tensor tensor(std::vector<int64_t> shape, float mean, float scale) {
    Tensor t;
    t.name = "t" + std::to_string(values.size());
    t.shape = std::move(shape);
    t.file = std::make_shared<const std::string>("m");
    values.push_back(std::make_unique<FloatBuffer>(random_floats(t.numel(), scale, &rng)));
    for (int64_t i = 0; i < t.numel(); ++i) values.back()->data()[i] += mean;
    t.data = reinterpret_cast<const std::byte*>(values.back()->data());
    return t;
  }
  Linear linear(int64_t out, int64_t in) {
    return {tensor({out, in}, 0, 1 / std::sqrt(static_cast<float>(in))), tensor({out}, 0, 0.3f)};
  }
  LayerNorm norm(int64_t h) { return {tensor({h}, 1, 0.2f), tensor({h}, 0, 0.2f)}; }

  OneLayer(int64_t h, int64_t d, int64_t heads, int64_t f) {
    model.hidden_size = h;
    model.head_size = d;
    model.layer_norm_eps = 1e-5f;
    const int64_t a = heads * d;
    Layer layer;
    if (heads > 0) {
      layer.attention =
          Attention{linear(a, h), linear(a, h), linear(a, h), linear(h, a), norm(h), heads};
    }
    if (f > 0) layer.ffn = FeedForward{linear(f, h), linear(h, f), norm(h)};
    model.layers.push_back(std::move(layer));
  }
};

double at(const Tensor& t, int64_t i, int64_t j = 0) {
  const int64_t columns = t.shape.size() > 1 ? t.shape[1] : 1;
  return reinterpret_cast<const float*>(t.data)[i * columns + j];
}

Matrix linear_of(const Linear& l, const Matrix& x) {
  Matrix y;
  for (const auto& row : x) {
    y.emplace_back();
    for (int64_t o = 0; o < l.out(); ++o) {
      double sum = at(*l.bias, o);
      for (int64_t i = 0; i < l.in(); ++i) sum += at(l.weight, o, i) * row[static_cast<size_t>(i)];
      y.back().push_back(sum);
    }
  }
  return y;
}

void add_norm(const LayerNorm& n, const Matrix& y, double eps, Matrix* x) {
  for (size_t r = 0; r < x->size(); ++r) {
    auto& row = (*x)[r];
    double mean = 0, variance = 0;
    for (size_t j = 0; j < row.size(); ++j) mean += row[j] += y[r][j];
    mean /= static_cast<double>(row.size());
    for (double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
    for (size_t j = 0; j < row.size(); ++j) {
      row[j] = (row[j] - mean) / std::sqrt(variance + eps) * at(n.weight, static_cast<int64_t>(j)) +
               at(n.bias, static_cast<int64_t>(j));
    }
  }
}

// One sequence of which the first `real` tokens are attended to.
Matrix naive_layer(const Model& m, Matrix x, size_t real) {
  const Layer& layer = m.layers[0];
  const auto d = static_cast<size_t>(m.head_size);
  if (layer.attention) {
    const Attention& a = *layer.attention;
    const Matrix q = linear_of(a.query, x), k = linear_of(a.key, x), v = linear_of(a.value, x);
    Matrix context(x.size(), std::vector<double>(static_cast<size_t>(a.query.out())));
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
    add_norm(a.norm, linear_of(a.output, context), m.layer_norm_eps, &x);
  }
  if (layer.ffn) {
    Matrix inner = linear_of(layer.ffn->in, x);
    for (auto& row : inner) {
      for (double& u : row) u = 0.5 * u * (1 + std::erf(u / std::sqrt(2.0)));
    }
    add_norm(layer.ffn->norm, linear_of(layer.ffn->out, inner), m.layer_norm_eps, &x);
  }
  return x;
}

struct Case {
  int64_t h, d, heads, f;
};
const Case kCases[] = {{24, 8, 3, 40},  {45, 3, 5, 510}, {7, 1, 1, 1},
                       {48, 12, 0, 17}, {48, 12, 2, 0},  {33, 4, 0, 0}};

const std::vector<int32_t> kLengths = {5, 1, 130, 2, 17};

class LayerTables : public testing::TestWithParam<const kernels::KernelTable*> {};

TEST_P(LayerTables, AgreesWithTheFormulas) {
  for (const Case& c : kCases) {
    OneLayer one(c.h, c.d, c.heads, c.f);
    const WeightStore store(one.model, *GetParam());
    std::vector<int32_t> start{0}, real;
    for (int32_t n : kLengths) {
      start.push_back(start.back() + n);
      real.push_back(n > 10 ? n - 3 : n);  // the last tokens of the longer ones are padding
    }
    FloatBuffer x = random_floats(start.back() * c.h, 1, &one.rng);
    std::vector<Matrix> truth;
    for (size_t b = 0; b < kLengths.size(); ++b) {
      Matrix rows;
      for (int64_t t = start[b]; t < start[b + 1]; ++t)
        rows.emplace_back(x.data() + t * c.h, x.data() + (t + 1) * c.h);
      truth.push_back(naive_layer(one.model, rows, static_cast<size_t>(real[b])));
    }
    const PackedView view{static_cast<int64_t>(kLengths.size()), start.data(), real.data()};
    const auto sequences = static_cast<int64_t>(kLengths.size());
    FloatBuffer first(sequences * c.h);
    LayerScratch scratch;
    run_layer_first(*GetParam(), layer_shape(one.model), store.layer(0), view, x.data(),
                    first.data(), &scratch);
    run_layer(*GetParam(), layer_shape(one.model), store.layer(0), view, x.data(), &scratch);
    for (size_t b = 0; b < kLengths.size(); ++b) {
      for (int64_t t = start[b]; t < start[b + 1]; ++t) {
        for (int64_t j = 0; j < c.h; ++j) {
          ASSERT_NEAR(x.data()[t * c.h + j],
                      truth[b][static_cast<size_t>(t - start[b])][static_cast<size_t>(j)], 3e-5)
              << "h " << c.h << ", sequence " << b << ", token " << t;
        }
      }
      // The trimmed layer gives the same bits.
      ASSERT_EQ(std::memcmp(first.data() + static_cast<int64_t>(b) * c.h, x.data() + start[b] * c.h,
                            sizeof(float) * static_cast<size_t>(c.h)),
                0);
    }
  }
}

// The layer whose first tokens alone are read: neither keys nor values are projected.
TEST_P(LayerTables, FoldedAgreesWithTheFormulas) {
  using kernels::Precision;
  for (const Case& c : {Case{24, 8, 3, 40}, Case{45, 3, 5, 510}, Case{7, 1, 1, 1},
                        Case{48, 12, 2, 0}, Case{80, 10, 8, 33}}) {
    OneLayer one(c.h, c.d, c.heads, c.f);
    one.model.heads.emplace_back();
    // More sequences than are folded at a time.
    std::vector<int32_t> start{0}, real;
    for (int32_t b = 0; b < 35; ++b) {
      const int32_t n = kLengths[static_cast<size_t>(b) % kLengths.size()];
      start.push_back(start.back() + n);
      real.push_back(n > 10 ? n - 3 : n);
    }
    const auto sequences = static_cast<int64_t>(real.size());
    const PackedView view{sequences, start.data(), real.data()};
    const FloatBuffer x = random_floats(start.back() * c.h, 1, &one.rng);
    std::vector<double> truth;
    for (size_t b = 0; b < real.size(); ++b) {
      Matrix rows;
      for (int64_t t = start[b]; t < start[b + 1]; ++t)
        rows.emplace_back(x.data() + t * c.h, x.data() + (t + 1) * c.h);
      const Matrix y = naive_layer(one.model, rows, static_cast<size_t>(real[b]));
      truth.insert(truth.end(), y[0].begin(), y[0].end());
    }
    for (const auto& [precision, tolerance] : {std::pair{Precision::float32, 3e-5},
                                               {Precision::bfloat16, 0.05},
                                               {Precision::int8, 0.1}}) {
      const WeightStore store(one.model, *GetParam(), precision);
      ASSERT_TRUE(store.layer(0).folded());
      FloatBuffer first(sequences * c.h), alone(c.h);
      LayerScratch scratch;
      run_layer_first(*GetParam(), layer_shape(one.model), store.layer(0), view, x.data(),
                      first.data(), &scratch);
      for (size_t i = 0; i < truth.size(); ++i)
        ASSERT_NEAR(first.data()[i], truth[i], tolerance) << "h " << c.h << ", number " << i;
      // A sequence by itself: the same bits.
      for (int64_t b = 0; b < sequences; b += 7) {
        const int32_t both[] = {0,
                                start[static_cast<size_t>(b) + 1] - start[static_cast<size_t>(b)]};
        run_layer_first(*GetParam(), layer_shape(one.model), store.layer(0),
                        {1, both, &real[static_cast<size_t>(b)]},
                        x.data() + start[static_cast<size_t>(b)] * c.h, alone.data(), &scratch);
        ASSERT_EQ(std::memcmp(alone.data(), first.data() + b * c.h,
                              sizeof(float) * static_cast<size_t>(c.h)),
                  0);
      }
    }
  }
}

std::vector<const kernels::KernelTable*> every_table() {
  std::vector<const kernels::KernelTable*> v;
  for (const kernels::KernelTable* const* t = kernels::all_tables(); *t; ++t) v.push_back(*t);
  return v;
}
INSTANTIATE_TEST_SUITE_P(Tables, LayerTables, testing::ValuesIn(every_table()), [](const auto& i) {
  std::string name = i.param->name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace costeff::model
