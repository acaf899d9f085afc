// Attention against numbers worked out by hand, and against its formulas in double.

#include "model/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "model/one_layer.h"

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::Precision;

class AttentionTables : public testing::TestWithParam<const KernelTable*> {
 protected:
  const KernelTable& table() const { return *GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Tables, AttentionTables, testing::ValuesIn(every_table()), TableName());

// Weights of which attend_all reads only the shape.
LayerWeights shape_only(int64_t heads, Precision precision = Precision::float32) {
  LayerWeights w;
  w.heads = heads;
  w.query.precision = precision;
  return w;
}

// Two sequences, two heads of one feature: scores are products, and e^(ln 3) weighs three times as
// much as e^0.
TEST_P(AttentionTables, ByHand) {
  const float ln3 = std::log(3.0f);
  // Tokens of [head 0, head 1]; the second sequence has a third token that is padding.
  const float query[] = {1, 0, /**/ 2, 1, /**/ 0, 1, /**/ 1, 1, /**/ 5, 5};
  const float key[] = {0, 7, /**/ ln3, 9, /**/ ln3, 0, /**/ 0, ln3, /**/ 50, 50};
  const float value[] = {4, 10, /**/ 8, 20, /**/ 1, 2, /**/ 5, 6, /**/ 1000, 1000};
  const int32_t start[] = {0, 2, 5}, real[] = {2, 2};
  const QueryKeyValue in{query, 2, key, value, 2};
  LayerScratch scratch;
  float context[10];
  attend_all(table(), {.hidden_size = 2, .head_size = 1}, shape_only(2), {2, start, real}, false,
             in, context, 2, &scratch);
  const float e2 = std::exp(2.0f);
  const float expected[] = {
      7,    15,                         // 1/4 4 + 3/4 8; query 0: the mean
      7.6f, (10 + 20 * e2) / (1 + e2),  // weights 1 and 9; e^7 and e^9
      3,    5,                          // query 0: the mean; weights 1 and 3
      2,    5,                          // weights 3 and 1; 1 and 3
  };
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(context[i], expected[i], 2e-5) << i;
  float first[4];
  const QueryKeyValue of_first{first, 2, key, value, 2};
  const float first_query[] = {query[0], query[1], query[4], query[5]};
  std::memcpy(first, first_query, sizeof first);
  // The context may overwrite the queries.
  attend_all(table(), {.hidden_size = 2, .head_size = 1}, shape_only(2), {2, start, real}, true,
             of_first, first, 2, &scratch);
  EXPECT_EQ(first[0], context[0]);
  EXPECT_EQ(first[1], context[1]);
  EXPECT_EQ(first[2], context[4]);
  EXPECT_EQ(first[3], context[5]);
}

// More queries than attend at a time, and sequences of one token.
TEST_P(AttentionTables, AgreesWithTheFormulas) {
  const Sequences batch({1, 5, 70, 2, 130});
  for (const auto& [d, heads] : {std::pair<int64_t, int64_t>{8, 3}, {1, 2}, {33, 1}, {64, 2}}) {
    const int64_t a = heads * d, h = 11;
    OneLayer one(h, d, heads, 0);
    const Attention& weights = *one.model.arch.layers[0].attention;
    const FloatBuffer x = random_floats(batch.tokens() * h, 1, &one.rng);
    Matrix truth;
    FloatBuffer q(batch.tokens() * a), k(batch.tokens() * a), v(batch.tokens() * a);
    for (size_t b = 0; b < batch.real.size(); ++b) {
      const Matrix rows = batch.rows(x.data(), h, b);
      for (auto& row : context_of(one.model, weights, rows, static_cast<size_t>(batch.real[b])))
        truth.push_back(row);
      for (const auto& [linear, to] : {std::pair<const Linear&, FloatBuffer&>{weights.query, q},
                                       {weights.key, k},
                                       {weights.value, v}}) {
        float* at = to.data() + batch.start[b] * a;
        for (const auto& row : linear_of(one.model, linear, rows))
          for (double number : row) *at++ = static_cast<float>(number);
      }
    }
    for (const auto& [precision, tolerance] :
         {std::pair{Precision::float32, 2e-5}, {Precision::bfloat16, 0.05}}) {
      LayerScratch scratch;
      FloatBuffer context(batch.tokens() * a);
      attend_all(table(), {.hidden_size = h, .head_size = d}, shape_only(heads, precision),
                 batch.view(), false, {q.data(), a, k.data(), v.data(), a}, context.data(), a,
                 &scratch);
      for (int64_t t = 0; t < batch.tokens(); ++t) {
        for (int64_t c = 0; c < a; ++c)
          ASSERT_NEAR(context.data()[t * a + c],
                      truth[static_cast<size_t>(t)][static_cast<size_t>(c)], tolerance)
              << "d " << d << ", token " << t << ", feature " << c;
      }
    }
  }
}

// attend_folded has queries and hidden states, but neither keys nor values. Still the context of the
// first tokens is that of the formulas. These have the bias of the keys, which adds the same to all
// scores of a query; the folded form does not.
TEST_P(AttentionTables, FoldedAgreesWithTheFormulas) {
  std::vector<int32_t> lengths;  // more sequences than are folded at a time
  for (int32_t b = 0; b < 35; ++b) lengths.push_back(1 + b * 5 % 23);
  const Sequences batch(lengths);
  for (const auto& [h, d, heads] :
       {std::tuple<int64_t, int64_t, int64_t>{24, 8, 3}, {7, 1, 1}, {45, 3, 5}, {80, 16, 4}}) {
    OneLayer one(h, d, heads, 0);
    one.model.arch.heads.emplace_back();  // reads the first token
    const Attention& weights = *one.model.arch.layers[0].attention;
    const FloatBuffer x = random_floats(batch.tokens() * h, 1, &one.rng);
    FloatBuffer first(batch.count() * h);
    for (size_t b = 0; b < lengths.size(); ++b)
      std::copy_n(x.data() + batch.start[b] * h, h, first.data() + static_cast<int64_t>(b) * h);
    for (const auto& [precision, tolerance] : {std::pair{Precision::float32, 2e-5},
                                               {Precision::bfloat16, 0.03},
                                               {Precision::int8, 0.06}}) {
      const WeightStore store(one.model, table(), precision);
      const LayerWeights& w = store.layer(0);
      ASSERT_TRUE(w.folded());
      LayerScratch scratch;
      FloatBuffer query(batch.count() * w.stride), context(batch.count() * w.stride);
      apply_linear(table(), w.query, first.data(), h, batch.count(), query.data(), w.stride,
                   &scratch.rows);
      scratch.qkv.reserve(folded_floats(layer_shape(one.model.arch), w, batch.count()));
      attend_folded(table(), layer_shape(one.model.arch), w, batch.view(), query.data(), w.stride,
                    x.data(), context.data(), w.stride, &scratch);
      for (size_t b = 0; b < lengths.size(); ++b) {
        const Matrix truth = context_of(one.model, weights, batch.rows(x.data(), h, b),
                                        static_cast<size_t>(batch.real[b]));
        for (int64_t c = 0; c < heads * d; ++c)
          ASSERT_NEAR(context.data()[static_cast<int64_t>(b) * w.stride + c],
                      truth[0][static_cast<size_t>(c)], tolerance)
              << "h " << h << ", sequence " << b << ", feature " << c;
      }
    }
  }
}

// The memory is bounded, however many sequences there are.
TEST(Attention, FoldedFloatsAreBounded) {
  LayerShape shape{.hidden_size = 10};
  EXPECT_EQ(folded_floats(shape, shape_only(3), 1), 30);
  EXPECT_EQ(folded_floats(shape, shape_only(3), 32), 960);
  EXPECT_EQ(folded_floats(shape, shape_only(3), 100000), 960);
}

// Threads divide pairs of sequence and head and compute the same bits.
TEST_P(AttentionTables, ACrewGivesTheSameBits) {
  const Sequences batch({3, 40, 1, 12});
  constexpr int64_t kHeads = 3, kD = 5, kA = kHeads * kD;
  std::mt19937_64 rng(test_seed());
  const FloatBuffer q = random_floats(batch.tokens() * kA, 1, &rng),
                    k = random_floats(batch.tokens() * kA, 1, &rng),
                    v = random_floats(batch.tokens() * kA, 1, &rng);
  const QueryKeyValue in{q.data(), kA, k.data(), v.data(), kA};
  const LayerWeights w = shape_only(kHeads);
  const LayerShape shape{.hidden_size = kA, .head_size = kD};
  LayerScratch scratch[3];
  FloatBuffer alone(batch.tokens() * kA), together(batch.tokens() * kA);
  attend_all(table(), shape, w, batch.view(), false, in, alone.data(), kA, &scratch[0]);
  Barrier barrier(3);
  {
    std::vector<std::jthread> threads;
    for (int64_t i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        attend_all(table(), shape, w, batch.view(), false, in, together.data(), kA,
                   {{i, 3, &barrier}, &scratch[0], &scratch[i]});
      });
    }
  }
  EXPECT_EQ(std::memcmp(alone.data(), together.data(),
                        sizeof(float) * static_cast<size_t>(batch.tokens() * kA)),
            0);
}

}  // namespace
}  // namespace costeff::model
