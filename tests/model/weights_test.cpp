// How a model's weights are packed, and when.

#include "model/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "base/error_of.h"
#include "model/one_layer.h"

namespace costeff::model {
namespace {

using kernels::Precision;
using kernels::round_up;

const kernels::KernelTable& portable() { return kernels::kPortable; }

// Two layers with different shapes, and a head of each kind.
struct TwoLayers : OneLayer {
  TwoLayers() : OneLayer(10, 3, 2, 7) {
    Layer second;
    second.ffn = FeedForward{linear(5, 10), linear(10, 5), norm(10)};
    model.arch.layers.push_back(std::move(second));
    Head head;
    head.layer = 1;
    head.pooler = linear(10, 10);
    head.classifier = linear(2, 10);
    head.lte = linear(1, 10);
    model.arch.heads.push_back(head);
    head.layer = 2;
    head.pooler.reset();
    head.lte.reset();
    model.arch.heads.push_back(std::move(head));
  }
};

// Three layers of which the first and the last are the same (ALBERT).
TEST(Weights, WhatLayersShareIsPackedOnce) {
  TwoLayers two;
  two.model.arch.layers.push_back(two.model.arch.layers.front());
  two.model.arch.heads.back().layer = 3;
  EXPECT_EQ(shared_layers(two.model.arch), (std::vector<int64_t>{0, 1, 0}));
  EXPECT_TRUE(shares_layers(two.model.arch));
  const WeightStore store(two.model, portable());
  const LayerWeights& last = store.layer(2);
  EXPECT_TRUE(store.has_layer(0));
  EXPECT_FALSE(store.has_layer(1));
  EXPECT_EQ(&store.layer(0), &last);
  // Alone it would be folded, as only the first token is read of it.
  EXPECT_TRUE(reads_first_only(two.model.arch));
  EXPECT_FALSE(last.folded());
  EXPECT_EQ(last.key_value.out, 2 * last.stride);
}

TEST(Weights, LayersHaveTheirShapes) {
  TwoLayers two;
  const WeightStore store(two.model, portable());
  EXPECT_FALSE(store.has_layer(0));
  const LayerWeights& w = store.layer(0);
  EXPECT_TRUE(store.has_layer(0));
  EXPECT_FALSE(store.has_layer(1));
  EXPECT_EQ(w.heads, 2);
  EXPECT_EQ(w.attention_size, 6);
  EXPECT_EQ(w.stride, round_up(6));
  EXPECT_EQ(w.query.out, w.stride);
  EXPECT_EQ(w.key_value.out, 2 * w.stride);
  EXPECT_EQ(w.attention_out.out, 10);
  EXPECT_EQ(w.attention_out.in, 6);
  EXPECT_EQ(w.ffn_in.out, 7);
  EXPECT_EQ(w.ffn_out.in, 7);
  EXPECT_FALSE(w.folded());

  const LayerWeights& pruned = store.layer(1);
  EXPECT_EQ(pruned.heads, 0);
  EXPECT_EQ(pruned.stride, 0);
  EXPECT_FALSE(pruned.query);
  EXPECT_FALSE(pruned.folded());
  EXPECT_EQ(pruned.ffn_in.out, 5);
}

// Queries, keys and values of the packed layer are those of the formulas, zeros between them.
TEST(Weights, KeysAndValuesAreOneMatrix) {
  TwoLayers two;
  const WeightStore store(two.model, portable());
  const LayerWeights& w = store.layer(0);
  const FloatBuffer x = random_floats(10, 1, &two.rng);
  FloatBuffer y(2 * w.stride);
  ByteBuffer rows;
  apply_linear(portable(), w.key_value, x.data(), 10, 1, y.data(), 2 * w.stride, &rows);
  const Matrix input = {{x.data(), x.data() + 10}};
  const Attention& a = *two.model.arch.layers[0].attention;
  const Matrix key = linear_of(two.model, a.key, input),
               value = linear_of(two.model, a.value, input);
  for (int64_t c = 0; c < w.stride; ++c) {
    const auto at = static_cast<size_t>(c);
    EXPECT_NEAR(y.data()[c], c < 6 ? key[0][at] : 0, 1e-5);
    EXPECT_NEAR(y.data()[w.stride + c], c < 6 ? value[0][at] : 0, 1e-5);
  }
}

// Only the last layer is folded, and only if just its first tokens are read.
TEST(Weights, TheLastLayerIsFoldedForItsFirstTokens) {
  TwoLayers two;
  two.model.arch.layers[1] = two.model.arch.layers[0];
  two.model.arch.layers[1].attention->norm = two.norm(10);  // else both are one layer, packed once
  for (const auto& [pooling, folded] :
       {std::pair{Pooling::first, true}, {Pooling::mean, false}, {Pooling::tokens, false}}) {
    two.model.arch.heads.back().pooling = pooling;
    const WeightStore store(two.model, portable());
    EXPECT_FALSE(store.layer(0).folded());
    const LayerWeights& w = store.layer(1);
    EXPECT_EQ(w.folded(), folded);
    EXPECT_EQ(w.key_by_head.size(), folded ? 2u : 0u);
    EXPECT_EQ(w.value_by_head.size(), folded ? 2u : 0u);
    EXPECT_EQ(static_cast<bool>(w.key_value), !folded);
    if (!folded) continue;
    EXPECT_EQ(w.key_by_head[0].out, 10);
    EXPECT_EQ(w.key_by_head[0].in, 3);
    EXPECT_EQ(w.value_by_head[0].out, 3);
    EXPECT_EQ(w.value_by_head[0].in, 10);
  }
}

// Exits decide nearly as in float32.
TEST(Weights, ExitsAreMorePreciseThanLayers) {
  TwoLayers two;
  struct Row {
    Precision layers, poolers;
  };
  for (const Row& c : {Row{Precision::float32, Precision::float32},
                       {Precision::bfloat16, Precision::bfloat16},
                       {Precision::int8, Precision::bfloat16}}) {
    const WeightStore store(two.model, portable(), c.layers);
    EXPECT_EQ(store.layer(0).query.precision, c.layers);
    EXPECT_EQ(store.layer(0).ffn_out.precision, c.layers);
    EXPECT_EQ(store.head(0).pooler->precision, c.poolers);
    EXPECT_EQ(store.head(0).classifier.precision, Precision::float32);
    EXPECT_EQ(store.head(0).lte->precision, Precision::float32);
    EXPECT_FALSE(store.head(1).pooler);
    EXPECT_FALSE(store.head(1).lte);
  }
}

// A pooler and an lte that exits have in common are packed once, whichever exit is reached first.
TEST(Weights, WhatExitsShareIsPackedOnce) {
  TwoLayers two;
  std::vector<Head>& heads = two.model.arch.heads;
  heads[1].pooler = heads[0].pooler;
  heads[1].lte = heads[0].lte;
  heads.push_back(heads[0]);
  heads[2].pooler = two.linear(10, 10);
  heads[2].lte = two.linear(1, 10);
  for (const std::vector<int64_t>& order : {std::vector<int64_t>{0, 1, 2}, {2, 1, 0}}) {
    const WeightStore store(two.model, portable());
    for (int64_t i : order) store.head(i);
    ASSERT_NE(store.head(0).pooler, nullptr);
    ASSERT_NE(store.head(0).lte, nullptr);
    EXPECT_EQ(store.head(1).pooler, store.head(0).pooler);
    EXPECT_EQ(store.head(1).lte, store.head(0).lte);
    EXPECT_NE(store.head(1).classifier.weight, store.head(0).classifier.weight);
    EXPECT_NE(store.head(2).pooler, store.head(0).pooler);
    EXPECT_NE(store.head(2).lte, store.head(0).lte);
  }
}

// Threads that ask at the same time get the same weights, made once.
TEST(Weights, ThreadsShareALayer) {
  TwoLayers two;
  const WeightStore store(two.model, portable());
  const LayerWeights* seen[4] = {};
  const std::byte* packed[4] = {};
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        seen[i] = &store.layer(0);
        packed[i] = seen[i]->query.weight;
      });
    }
  }
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(seen[i], seen[0]);
    EXPECT_EQ(packed[i], packed[0]);
  }
}

// An error in a layer is thrown to every caller, each time; helping to pack it throws nothing.
TEST(Weights, ErrorsAreThrownEachTime) {
  TwoLayers two;
  const Tensor& weight = two.model.parameters.tensor(two.model.arch.layers[0].ffn->out.weight);
  float* bad = const_cast<float*>(reinterpret_cast<const float*>(weight.data));
  bad[3] = INFINITY;
  const WeightStore store(two.model, portable());
  store.help_with_layer(0);
  for (int i = 0; i < 2; ++i) {
    const std::string message = error_of(ErrorKind::model, [&] { store.layer(0); });
    EXPECT_EQ(message.find("m: tensor " + weight.name + ": "), 0u) << message;
  }
  EXPECT_EQ(store.layer(1).ffn_in.out, 5);
}

// The sums for a token's place and type are the same whether they are kept, as for two types, or computed.
TEST(Weights, PlacesAreSumsOfPositionAndType) {
  Tensors make;
  Model model;
  Embeddings& e = model.arch.embeddings;
  Parameters* p = &model.parameters;
  e.position = add_tensor(p, make.floats("position", {3, 2}, {1, 2, /**/ 3, 4, /**/ 5, 6}));
  e.type = add_tensor(p, make.floats("type", {3, 2}, {10, 20, /**/ 30, 40, /**/ 50, 60}));
  e.norm = add_norm(p, make.floats("w", {2}, {1, 1}), make.floats("b", {2}, {0, 0}));
  model.arch.hidden_size = 2;
  model.arch.max_length = 2;
  const WeightStore store(model, portable());
  const EmbeddingWeights& w = store.embeddings();
  EXPECT_EQ(w.types, 2);
  EXPECT_EQ(w.place(0, 2), nullptr);
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t type = 0; type < 3; ++type) {
      float sum[4];
      add_place(model, i, type, sum);
      EXPECT_EQ(sum[0], static_cast<float>(1 + 2 * i + 10 + 20 * type));
      EXPECT_EQ(sum[1], static_cast<float>(2 + 2 * i + 20 + 20 * type));
      if (type == 2) continue;
      EXPECT_EQ(w.place(i, type)[0], sum[0]);
      EXPECT_EQ(w.place(i, type)[1], sum[1]);
    }
  }
}

}  // namespace
}  // namespace costeff::model
