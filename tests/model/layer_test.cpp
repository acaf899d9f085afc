// One layer against the formulas of the paper, written out in double.

#include "model/layer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "model/one_layer.h"

namespace costeff::model {
namespace {

// One sequence of which the first `real` tokens are attended to.
Matrix naive_layer(const Model& m, Matrix x, size_t real) {
  const Layer& layer = m.arch.layers[0];
  if (layer.attention) {
    const Attention& a = *layer.attention;
    const Matrix context = context_of(m, a, x, real);
    add_and_norm(m, a.norm, linear_of(m, a.output, context), &x);
  }
  if (layer.ffn) {
    Matrix inner = linear_of(m, layer.ffn->in, x);
    for (auto& row : inner) {
      for (double& u : row) u = 0.5 * u * (1 + std::erf(u / std::sqrt(2.0)));
    }
    add_and_norm(m, layer.ffn->norm, linear_of(m, layer.ffn->out, inner), &x);
  }
  return x;
}

struct Case {
  int64_t h, d, heads, f;
  bool empty = false;  // what has no units keeps bias and LayerNorm
};
const Case kCases[] = {{24, 8, 3, 40},        {45, 3, 5, 510},      {7, 1, 1, 1},
                       {48, 12, 0, 17},       {48, 12, 2, 0},       {33, 4, 0, 0},
                       {48, 12, 0, 17, true}, {48, 12, 2, 0, true}, {33, 4, 0, 0, true}};

const std::vector<int32_t> kLengths = {5, 1, 130, 2, 17};

class LayerTables : public testing::TestWithParam<const kernels::KernelTable*> {};

TEST_P(LayerTables, AgreesWithTheFormulas) {
  for (const Case& c : kCases) {
    OneLayer one(c.h, c.d, c.heads, c.f, c.empty);
    const WeightStore store(one.model, *GetParam());
    const Sequences batch(kLengths);
    const std::vector<int32_t>& start = batch.start;
    FloatBuffer x = random_floats(batch.tokens() * c.h, 1, &one.rng);
    std::vector<Matrix> truth;
    for (size_t b = 0; b < kLengths.size(); ++b)
      truth.push_back(
          naive_layer(one.model, batch.rows(x.data(), c.h, b), static_cast<size_t>(batch.real[b])));
    const PackedView view = batch.view();
    FloatBuffer first(batch.count() * c.h);
    LayerScratch scratch;
    run_layer_first(*GetParam(), layer_shape(one.model.arch), store.layer(0), view, x.data(),
                    first.data(), &scratch);
    run_layer(*GetParam(), layer_shape(one.model.arch), store.layer(0), view, x.data(), &scratch);
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

// The layer of which only the first tokens are read: neither keys nor values are projected.
TEST_P(LayerTables, FoldedAgreesWithTheFormulas) {
  using kernels::Precision;
  for (const Case& c : {Case{24, 8, 3, 40}, Case{45, 3, 5, 510}, Case{7, 1, 1, 1},
                        Case{48, 12, 2, 0}, Case{80, 10, 8, 33}, Case{48, 12, 2, 0, true},
                        Case{45, 3, 0, 40, true}, Case{33, 4, 0, 0, true}}) {
    OneLayer one(c.h, c.d, c.heads, c.f, c.empty);
    one.model.arch.heads.emplace_back();
    // More sequences than are folded at a time.
    std::vector<int32_t> lengths;
    for (size_t b = 0; b < 35; ++b) lengths.push_back(kLengths[b % kLengths.size()]);
    const Sequences batch(lengths);
    const std::vector<int32_t>&start = batch.start, &real = batch.real;
    const int64_t sequences = batch.count();
    const PackedView view = batch.view();
    const FloatBuffer x = random_floats(batch.tokens() * c.h, 1, &one.rng);
    std::vector<double> truth;
    for (size_t b = 0; b < lengths.size(); ++b) {
      const Matrix y =
          naive_layer(one.model, batch.rows(x.data(), c.h, b), static_cast<size_t>(real[b]));
      truth.insert(truth.end(), y[0].begin(), y[0].end());
    }
    for (const auto& [precision, tolerance] : {std::pair{Precision::float32, 3e-5},
                                               {Precision::bfloat16, 0.05},
                                               {Precision::int8, 0.1}}) {
      const WeightStore store(one.model, *GetParam(), precision);
      ASSERT_EQ(store.layer(0).folded(), c.heads > 0);
      FloatBuffer first(sequences * c.h), alone(c.h);
      LayerScratch scratch;
      run_layer_first(*GetParam(), layer_shape(one.model.arch), store.layer(0), view, x.data(),
                      first.data(), &scratch);
      for (size_t i = 0; i < truth.size(); ++i)
        ASSERT_NEAR(first.data()[i], truth[i], tolerance) << "h " << c.h << ", number " << i;
      // A sequence by itself has the same bits.
      for (int64_t b = 0; b < sequences; b += 7) {
        const int32_t both[] = {0,
                                start[static_cast<size_t>(b) + 1] - start[static_cast<size_t>(b)]};
        run_layer_first(*GetParam(), layer_shape(one.model.arch), store.layer(0),
                        {1, both, &real[static_cast<size_t>(b)]},
                        x.data() + start[static_cast<size_t>(b)] * c.h, alone.data(), &scratch);
        ASSERT_EQ(std::memcmp(alone.data(), first.data() + b * c.h,
                              sizeof(float) * static_cast<size_t>(c.h)),
                  0);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, LayerTables, testing::ValuesIn(every_table()), TableName());

}  // namespace
}  // namespace costeff::model
