// The list of a model's parameters: which are in use, to which layer they belong, and their storage.

#include "model/parameters.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/error_of.h"
#include "base/tensors/half.h"
#include "model/one_layer.h"

namespace costeff::model {
namespace {

using Ids = std::vector<ParameterId>;

// Two layers, the second without attention, and two exits with a pooler and an lte in common. The
// embeddings come last in the list.
struct TwoExits : OneLayer {
  TwoExits() : OneLayer(4, 2, 2, 6) {
    Layer second;
    second.ffn = FeedForward{linear(3, 4), linear(4, 3), norm(4)};
    model.arch.layers.push_back(second);
    Head head;
    head.pooler = linear(4, 4);
    head.lte = linear(1, 4);
    for (int64_t layer : {1, 2}) {
      head.layer = layer;
      head.classifier = linear(2, 4);
      model.arch.heads.push_back(head);
    }
    Embeddings& e = model.arch.embeddings;
    e.norm = norm(4);
    e.type = add_tensor(&model.parameters, tensor({2, 4}, 0, 1));
    e.position = add_tensor(&model.parameters, tensor({7, 4}, 0, 1));
    e.word = add_tensor(&model.parameters, tensor({9, 4}, 0, 1));
  }
};

void append(const Linear& l, Ids* ids) {
  ids->push_back(l.weight);
  ids->push_back(l.bias);
}
void append(const LayerNorm& n, Ids* ids) {
  ids->push_back(n.weight);
  ids->push_back(n.bias);
}

TEST(Parameters, InUseEachOnceInTheOrderOfTheComputation) {
  TwoExits two;
  const Architecture& arch = two.model.arch;
  const Attention& a = *arch.layers[0].attention;
  const std::vector<Head>& heads = arch.heads;
  add_tensor(&two.model.parameters, two.tensor({3}, 0, 1));  // not in use
  Ids expected = {arch.embeddings.word, arch.embeddings.position, arch.embeddings.type};
  append(arch.embeddings.norm, &expected);
  for (const Linear* l : {&a.query, &a.key, &a.value, &a.output}) append(*l, &expected);
  append(a.norm, &expected);
  for (const Layer& layer : arch.layers) {
    append(layer.ffn->in, &expected);
    append(layer.ffn->out, &expected);
    append(layer.ffn->norm, &expected);
  }
  append(*heads[0].pooler, &expected);
  append(heads[0].classifier, &expected);
  append(*heads[0].lte, &expected);
  append(heads[1].classifier, &expected);
  EXPECT_EQ(parameters_in_use(arch), expected);
  EXPECT_EQ(two.model.parameters.list.size(), expected.size() + 1);
}

TEST(Parameters, WhatIsAbsentIsNotInUse) {
  TwoExits two;
  Architecture& arch = two.model.arch;
  const size_t all = parameters_in_use(arch).size();
  arch.embeddings.type = kNone;
  arch.layers[0].attention.reset();  // 10
  arch.layers[1].ffn->in.bias = kNone;
  for (Head& head : arch.heads) head.lte.reset();  // 2, in common
  arch.heads[1].pooler.reset();                    // the other exit still has it
  EXPECT_EQ(parameters_in_use(arch).size(), all - 1 - 10 - 1 - 2);
  arch.embeddings.word_up = two.linear(4, 4);
  const Ids ids = parameters_in_use(arch);
  EXPECT_EQ(ids[0], arch.embeddings.word);
  EXPECT_EQ(ids[1], arch.embeddings.word_up->weight);
  EXPECT_EQ(ids[2], arch.embeddings.word_up->bias);
  EXPECT_EQ(ids[3], arch.embeddings.position);
}

TEST(Parameters, NumbersFollowTheLayers) {
  TwoExits two;
  Model& m = two.model;
  const auto layer_of = [&](ParameterId id) { return m.parameters[id].layer; };
  const ParameterId first = m.arch.layers[0].attention->norm.bias,
                    second = m.arch.layers[1].ffn->out.weight,
                    pooler = m.arch.heads[0].pooler->bias, lte = m.arch.heads[0].lte->weight,
                    last = m.arch.heads[1].classifier.weight;
  number_parameters(&m);
  EXPECT_EQ(layer_of(m.arch.embeddings.word), 0);
  EXPECT_EQ(layer_of(m.arch.embeddings.norm.bias), 0);
  EXPECT_EQ(layer_of(first), 1);
  EXPECT_EQ(layer_of(second), 2);
  EXPECT_EQ(layer_of(pooler), 1);  // of the first exit that has it
  EXPECT_EQ(layer_of(lte), 1);
  EXPECT_EQ(layer_of(last), 2);
  // Without the first exit.
  m.arch.heads.erase(m.arch.heads.begin());
  number_parameters(&m);
  EXPECT_EQ(layer_of(pooler), 2);
  EXPECT_EQ(layer_of(lte), 2);
  // Without the first layer.
  m.arch.layers.erase(m.arch.layers.begin());
  m.arch.heads[0].layer = 1;
  number_parameters(&m);
  EXPECT_EQ(layer_of(m.arch.embeddings.word), 0);
  EXPECT_EQ(layer_of(second), 1);
  EXPECT_EQ(layer_of(pooler), 1);
  EXPECT_EQ(layer_of(last), 1);
}

TEST(OwnFloats, TheValuesInStorageThatMayBeWritten) {
  const uint16_t half[] = {float_to_half(1), float_to_half(-2), float_to_half(0.5f),
                           float_to_half(4)};
  const int8_t quantised[] = {3, 1, /**/ -2, 4};
  const float scales[] = {0.5f, 0.25f};
  Tensors make;
  Parameters parameters;
  const ParameterId f16 = add_tensor(&parameters, make.make("h", DType::f16, {2, 2}, half)),
                    other = add_tensor(&parameters, parameters.tensor(f16));
  Tensor t = make.make("q", DType::i8, {2, 2}, quantised);
  t.scale = reinterpret_cast<const std::byte*>(scales);
  const ParameterId i8 = add_tensor(&parameters, t);
  const std::byte* file = parameters.tensor(f16).data;

  const std::span<float> of_half = own_floats(&parameters, f16),
                         of_int8 = own_floats(&parameters, i8);
  EXPECT_EQ(std::vector<float>(of_half.begin(), of_half.end()),
            (std::vector<float>{1, -2, 0.5f, 4}));
  EXPECT_EQ(std::vector<float>(of_int8.begin(), of_int8.end()),
            (std::vector<float>{1.5f, 0.5f, -0.5f, 1}));
  for (ParameterId id : {f16, i8}) {
    const Tensor& own = parameters.tensor(id);
    EXPECT_EQ(own.dtype, DType::f32);
    EXPECT_EQ(own.scale, nullptr);
    EXPECT_EQ(own.shape, (std::vector<int64_t>{2, 2}));
  }
  EXPECT_EQ(parameters.tensor(f16).name, "h");

  of_half[1] = 42;
  std::vector<float> values(4);
  to_float32(parameters.tensor(f16), values.data());
  EXPECT_EQ(values, (std::vector<float>{1, 42, 0.5f, 4}));
  // The file, and its other readers, do not change.
  EXPECT_EQ(parameters.tensor(other).data, file);
  EXPECT_EQ(parameters.tensor(other).dtype, DType::f16);
  EXPECT_EQ(std::memcmp(file, half, sizeof half), 0);
}

TEST(OwnFloats, WhatHoldsNoWeightsIsRefused) {
  const int64_t numbers[] = {1, 2};
  Tensors make;
  Parameters parameters;
  const ParameterId id = add_tensor(&parameters, make.make("ids", DType::i64, {2}, numbers));
  const std::string message = error_of(ErrorKind::model, [&] { own_floats(&parameters, id); });
  EXPECT_EQ(message.find("m: tensor ids: "), 0u) << message;
  EXPECT_EQ(parameters.tensor(id).dtype, DType::i64);
}

}  // namespace
}  // namespace costeff::model
