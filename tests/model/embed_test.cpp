// The embedding of packed tokens, with numbers worked out by hand.

#include "model/embed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error_of.h"
#include "base/tensors/half.h"
#include "model/one_layer.h"
#include "model/tensors.h"

namespace costeff::model {
namespace {

using Rows = std::vector<std::vector<float>>;

// H = 4: words 0 to 2, four positions, three types.
struct TinyEmbeddings {
  Tensors make;
  Model model;

  TinyEmbeddings() {
    Embeddings& e = model.arch.embeddings;
    e.word = add("word", {3, 4}, {0, 2, 0, 2, /**/ 4, 0, 0, 0, /**/ 1, 1, 1, 5});
    e.position =
        add("position", {4, 4}, {0, 0, 0, 0, /**/ 1, 1, 1, 1, /**/ 0, 0, 4, 4, /**/ 9, 0, 0, 0});
    e.type = add("type", {3, 4}, {0, 0, 0, 0, /**/ -4, 2, 0, 2, /**/ 2, -2, -4, -4});
    e.norm = {add("norm.weight", {4}, {1, 1, 1, 10}), add("norm.bias", {4}, {0, 0, 100, 0})};
    model.arch.hidden_size = 4;
    model.arch.max_length = 4;
    model.arch.layer_norm_eps = 0;
  }

  ParameterId add(const std::string& name, std::vector<int64_t> shape,
                  const std::vector<float>& values) {
    return add_tensor(&model.parameters, make.floats(name, std::move(shape), values));
  }
  // Those that are looked up by row.
  std::vector<Tensor*> tables() {
    const Embeddings& e = model.arch.embeddings;
    std::vector<Tensor*> all;
    for (ParameterId id : {e.word, e.position, e.type}) all.push_back(&model.parameters[id].tensor);
    return all;
  }

  Rows embed(const std::vector<int32_t>& lengths, const std::vector<int32_t>& ids,
             const std::vector<int32_t>& types,
             const kernels::KernelTable& table = kernels::kReference) {
    const WeightStore store(model, table);
    const Sequences batch(lengths);
    FloatBuffer x(batch.tokens() * 4 + 16);
    LayerScratch scratch;
    model::embed(table, model, store.embeddings(), batch.view(), ids.data(), types.data(), x.data(),
                 &scratch);
    Rows rows;
    for (int64_t t = 0; t < batch.tokens(); ++t)
      rows.emplace_back(x.data() + t * 4, x.data() + (t + 1) * 4);
    return rows;
  }
};

void expect_rows(const Rows& rows, const Rows& expected) {
  ASSERT_EQ(rows.size(), expected.size());
  for (size_t t = 0; t < rows.size(); ++t) {
    for (size_t j = 0; j < 4; ++j)
      EXPECT_NEAR(rows[t][j], expected[t][j], 1e-4) << "token " << t << ", feature " << j;
  }
}

class EmbedTables : public testing::TestWithParam<const kernels::KernelTable*> {};
INSTANTIATE_TEST_SUITE_P(Tables, EmbedTables, testing::ValuesIn(every_table()), TableName());

// Two sequences: positions start again, and each token has its own type.
TEST_P(EmbedTables, SumsAreNormalised) {
  TinyEmbeddings tiny;
  const float s3 = std::sqrt(3.0f);
  expect_rows(tiny.embed({2, 3}, {0, 1, 0, 1, 0}, {0, 0, 0, 1, 2}, *GetParam()),
              {
                  {-1, 1, 99, 10},                        // 0 2 0 2: mean 1, deviation 1
                  {s3, -1 / s3, 100 - 1 / s3, -10 / s3},  // 5 1 1 1: mean 2, deviation sqrt 3
                  {-1, 1, 99, 10},                        // 0 2 0 2 again
                  {-1, 1, 99, 10},                        // 1 3 1 3
                  {1, -1, 99, 10},                        // 2 0 0 2
              });
}

// A model without types (DistilBERT) reads none.
TEST(Embed, WithoutTypes) {
  TinyEmbeddings tiny;
  tiny.model.arch.embeddings.type = kNone;
  const float s3 = std::sqrt(3.0f);
  expect_rows(tiny.embed({2}, {0, 1}, {7, 7}),
              {{-1, 1, 99, 10}, {s3, -1 / s3, 100 - 1 / s3, -10 / s3}});
}

// A factorised table [V, 2] times word_up [4, 2] and its bias is the table itself.
TEST_P(EmbedTables, FactorisedIsTheProduct) {
  TinyEmbeddings tiny;
  const Rows whole = tiny.embed({3}, {0, 1, 0}, {0, 1, 2}, *GetParam());
  tiny.model.arch.embeddings.word = tiny.add("word", {2, 2}, {1, 0, /**/ 0, 1});  // words 0 and 1
  tiny.model.arch.embeddings.word_up =
      add_linear(&tiny.model.parameters,
                 tiny.make.floats("up", {4, 2}, {-1, 3, /**/ 1, -1, /**/ 0, 0, /**/ 3, 1}),
                 tiny.make.floats("up.bias", {4}, {1, 1, 0, -1}));
  expect_rows(tiny.embed({3}, {0, 1, 0}, {0, 1, 2}, *GetParam()), whole);
}

// ELECTRA and ALBERT map the normed sum: here, to the same numbers in the opposite order, and 1 more.
TEST_P(EmbedTables, TheNormedSumIsMapped) {
  TinyEmbeddings tiny;
  Rows expected = tiny.embed({3}, {0, 1, 0}, {0, 1, 2}, *GetParam());
  for (std::vector<float>& row : expected) {
    std::reverse(row.begin(), row.end());
    for (float& v : row) ++v;
  }
  tiny.model.arch.embeddings.map =
      add_linear(&tiny.model.parameters,
                 tiny.make.floats("map", {4, 4},
                                  {0, 0, 0, 1, /**/ 0, 0, 1, 0, /**/ 0, 1, 0, 0, /**/ 1, 0, 0, 0}),
                 tiny.make.floats("map.bias", {4}, {1, 1, 1, 1}));
  expect_rows(tiny.embed({3}, {0, 1, 0}, {0, 1, 2}, *GetParam()), expected);
}

// ERNIE adds row 0 of a further table to every token, whatever its type.
TEST_P(EmbedTables, TheFirstTaskIsAdded) {
  TinyEmbeddings tiny;
  const std::vector<int32_t> ids = {1, 0, 2};
  const Rows expected = tiny.embed({3}, ids, {1, 1, 1}, *GetParam());
  tiny.model.arch.embeddings.task =
      tiny.add("task", {2, 4}, {-4, 2, 0, 2, /**/ 7, 7, 7, 9});  // type 1
  expect_rows(tiny.embed({3}, ids, {0, 0, 0}, *GetParam()), expected);
  // Of the third type no sums are kept.
  tiny.model.arch.embeddings.task =
      tiny.add("task", {1, 4}, {-6, 4, 4, 6});  // and that less type 2
  expect_rows(tiny.embed({3}, ids, {2, 2, 2}, *GetParam()), expected);
}

// Rows are read in their stored type.
TEST(Embed, StoredTypeDoesNotMatter) {
  TinyEmbeddings tiny;
  const std::vector<int32_t> ids = {2, 0, 1}, types = {1, 0, 2};
  const Rows expected = tiny.embed({3}, ids, types);
  for (Tensor* t : tiny.tables()) {
    std::vector<float> values(static_cast<size_t>(t->numel()));
    to_float32(*t, values.data());
    std::vector<uint16_t> half;
    for (float v : values) half.push_back(float_to_half(v));
    *t = tiny.make.make(t->name, DType::f16, t->shape, half.data(), 1);
  }
  EXPECT_EQ(tiny.embed({3}, ids, types), expected);
}

// Rows that are not finite are an error when a text uses them, and only then.
TEST(Embed, RowsThatAreNotFiniteAreNamedWhenUsed) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinite = std::numeric_limits<float>::infinity();
  struct BadRow {
    const char* tensor;
    float value;
    const char* expected;
  };
  for (const BadRow& c : {BadRow{"word", nan, "m: tensor word: "},
                          {"word", -infinite, "m: tensor word: "},
                          {"position", nan, "m: tensor position: "},
                          {"type", infinite, "m: tensor type: "}}) {
    TinyEmbeddings tiny;
    for (Tensor* t : tiny.tables()) {
      if (t->name != c.tensor) continue;
      std::vector<float> values(static_cast<size_t>(t->numel()));
      to_float32(*t, values.data());
      values[4 + 3] = c.value;  // row 1
      *t = tiny.make.floats(t->name, t->shape, values);
    }
    EXPECT_EQ(tiny.embed({1}, {0}, {0}).size(), 1u) << "row 1 is not used";
    const std::string message = error_of(ErrorKind::model, [&] {
      tiny.embed({2}, {1, 1}, {1, 1});
    });
    EXPECT_EQ(message.find(c.expected), 0u) << message;
  }
}

// Finite rows whose sum is not.
TEST(Embed, SumsThatOverflowAreNamed) {
  TinyEmbeddings tiny;
  Embeddings& e = tiny.model.arch.embeddings;
  e.word = tiny.add("word", {1, 4}, {3e38f, 0, 0, 0});
  e.position = tiny.add("position", {1, 4}, {3e38f, 0, 0, 0});
  tiny.model.arch.max_length = 1;
  const std::string message = error_of(ErrorKind::model, [&] { tiny.embed({1}, {0}, {0}); });
  EXPECT_EQ(message.find("m: tensor word: row 0 and row 0 of position, its position, have sums "
                         "that are not finite"),
            0u)
      << message;
}

}  // namespace
}  // namespace costeff::model
