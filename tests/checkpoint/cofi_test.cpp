#include <gtest/gtest.h>

#include "base/error_of.h"
#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

using model::Model;

// Compact: H 8 -> 5, layer 0 has one head of two, layer 1 no attention, layer 2 neither sublayer.
Shapes compact(const std::string& prefix, bool roberta) {
  constexpr int64_t h = 5;
  Shapes s;
  s.at[prefix + "embeddings.word_embeddings.weight"] = {kV, h};
  s.at[prefix + "embeddings.position_embeddings.weight"] = {kP, h};
  s.at[prefix + "embeddings.token_type_embeddings.weight"] = {roberta ? 1 : 2, h};
  s.norm(prefix + "embeddings.LayerNorm", h);
  const std::string layer = prefix + "encoder.layer.";
  add_layer(s, layer + "0.", h, 4, 7);
  add_layer(s, layer + "1.", h, 8, 3);
  add_layer(s, layer + "2.", h, 8, 3);
  for (const std::string i : {"1.", "2."}) {
    s.erase(layer + i + "attention.self.");
    s.erase(layer + i + "attention.output.dense.");
    s.norm(layer + i + "attention.output.LayerNorm", kH);  // left over at the unpruned size
  }
  s.erase(layer + "2.intermediate.");
  s.erase(layer + "2.output.dense.");
  if (roberta) {
    s.linear("classifier.dense", kH, h);
    s.linear("classifier.out_proj", kC, kH);
    s.linear("roberta.pooler.dense", kH, h);
  } else {
    s.linear(prefix + "pooler.dense", kH, h);
    s.linear("classifier", kC, kH);
  }
  s.linear("layer_transformation", kH, h);
  return s;
}

TEST(CofiCompact, AbsentSublayersAreTheIdentity) {
  for (const bool roberta : {false, true}) {
    const Model m = make_model(compact(roberta ? "roberta." : "bert.", roberta));
    EXPECT_EQ(m.provenance.dialect, roberta ? "cofi-compact-roberta" : "cofi-compact");
    EXPECT_EQ(m.arch.hidden_size, 5);
    EXPECT_EQ(m.arch.head_size, 4);  // of the unpruned model: 8 / 2
    ASSERT_EQ(m.arch.layers.size(), 3u);
    EXPECT_EQ(m.arch.layers[0].attention->heads, 1);
    EXPECT_EQ(m.arch.layers[0].ffn->in.out, 7);
    EXPECT_FALSE(m.arch.layers[1].attention.has_value());
    EXPECT_EQ(m.arch.layers[1].ffn->in.out, 3);
    EXPECT_FALSE(m.arch.layers[2].attention.has_value());
    EXPECT_FALSE(m.arch.layers[2].ffn.has_value());
    EXPECT_EQ(m.arch.heads[0].layer, 3);
    EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].pooler->weight).shape,
              (std::vector<int64_t>{8, 5}));
    EXPECT_EQ(m.arch.heads[0].classifier.in, 8);
    EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].pooler->weight).name,
              roberta ? "classifier.dense.weight" : "bert.pooler.dense.weight");
    EXPECT_EQ(m.provenance.unused.size(), roberta ? 10u : 8u);
    EXPECT_TRUE(m.provenance.notes.empty());
  }
}

TEST(CofiCompact, Errors) {
  Shapes s = compact("bert.", false);
  s.at.erase("bert.encoder.layer.1.intermediate.dense.weight");
  EXPECT_EQ(
      build_error(s),
      "m/model.safetensors: tensor bert.encoder.layer.1.intermediate.dense.weight: is missing, "
      "expected shape [F, 5]");
  s = compact("bert.", false);
  s.erase("bert.encoder.layer.1.");
  EXPECT_EQ(
      build_error(s),
      "m/model.safetensors: has tensors of bert.encoder.layer.2, but none of bert.encoder.layer.1");
  s = compact("bert.", false);
  s.erase("bert.encoder.layer.2.");
  EXPECT_EQ(build_error(s),
            "m/config.json: num_hidden_layers is 3, m/model.safetensors holds 2 layers");
  s = compact("bert.", false);
  s.linear("bert.pooler.dense", 7, 5);
  EXPECT_EQ(build_error(s),
            "m/model.safetensors: tensor bert.pooler.dense.weight: shape [7, 5], expected [8, 5] "
            "(hidden_size of config.json)");
}

// Layers of which only biases of outputs and LayerNorms are left: x = LayerNorm(x + bias).
Shapes compact_empty(const std::string& prefix, bool roberta, bool zero_sizes) {
  Shapes s = compact(prefix, roberta);
  const std::string layer = prefix + "encoder.layer.";
  const auto empty = [&](const std::string& beginning, std::vector<std::string> inputs,
                         const std::string& output) {
    for (const std::string& name : inputs) {
      s.erase(beginning + name + ".");
      if (!zero_sizes) continue;
      s.at[beginning + name + ".weight"] = {0, 5};
      s.at[beginning + name + ".bias"] = {0};
    }
    s.erase(beginning + output + ".");
    s.at[beginning + output + ".bias"] = {5};
    if (zero_sizes) s.at[beginning + output + ".weight"] = {5, 0};
    s.norm(beginning + output.substr(0, output.rfind('.')) + ".LayerNorm", 5);
  };
  const std::vector<std::string> qkv = {"attention.self.query", "attention.self.key",
                                        "attention.self.value"};
  empty(layer + "0.", qkv, "attention.output.dense");
  empty(layer + "1.", {"intermediate.dense"}, "output.dense");
  empty(layer + "2.", qkv, "attention.output.dense");
  empty(layer + "2.", {"intermediate.dense"}, "output.dense");
  return s;
}

TEST(CofiCompact, SublayersWithoutUnitsKeepTheirBias) {
  for (const bool roberta : {false, true}) {
    for (const bool zero_sizes : {false, true}) {
      SCOPED_TRACE(std::string(roberta ? "roberta" : "bert") + (zero_sizes ? ", zero sizes" : ""));
      const Model m =
          make_model(compact_empty(roberta ? "roberta." : "bert.", roberta, zero_sizes));
      EXPECT_EQ(m.provenance.dialect, roberta ? "cofi-compact-roberta" : "cofi-compact");
      ASSERT_EQ(m.arch.layers.size(), 3u);
      for (const size_t i : {0u, 2u}) {
        const auto& a = m.arch.layers[i].attention;
        ASSERT_TRUE(a.has_value()) << i;
        EXPECT_EQ(a->heads, 0);
        EXPECT_EQ(a->output.in, 0);
        for (const model::Linear* l : {&a->query, &a->key, &a->value, &a->output})
          EXPECT_FALSE(l->has_weight());
        EXPECT_EQ(m.parameters.tensor(a->output.bias).numel(), 5);
        EXPECT_EQ(m.parameters.tensor(a->norm.weight).numel(), 5);
      }
      EXPECT_FALSE(m.arch.layers[1].attention.has_value());  // nor has it a bias
      EXPECT_EQ(m.arch.layers[0].ffn->in.out, 7);
      for (const size_t i : {1u, 2u}) {
        const auto& f = m.arch.layers[i].ffn;
        ASSERT_TRUE(f.has_value()) << i;
        EXPECT_EQ(f->in.out, 0);
        EXPECT_FALSE(f->in.has_weight() || f->out.has_weight());
        EXPECT_EQ(m.parameters.tensor(f->out.bias).numel(), 5);
      }
      EXPECT_TRUE(m.provenance.notes.empty());
    }
  }
}

TEST(CofiCompact, AWeightWithoutColumnsAndWithoutABiasIsAbsent) {
  Shapes s = compact("bert.", false);
  s.at["bert.encoder.layer.1.attention.output.dense.weight"] = {5, 0};
  s.at["bert.encoder.layer.1.attention.self.query.weight"] = {0, 5};
  s.at["bert.encoder.layer.2.output.dense.weight"] = {5, 0};
  const Model m = make_model(s);
  EXPECT_FALSE(m.arch.layers[1].attention || m.arch.layers[2].ffn);
  EXPECT_TRUE(m.provenance.notes.empty());
}

TEST(CofiCompact, WhatASublayerWithoutUnitsMayNotHave) {
  const std::string a = "bert.encoder.layer.0.attention.", f = "bert.encoder.layer.1.";
  const struct {
    std::string name;
    std::vector<int64_t> shape;  // empty: erased
    std::string says;
  } cases[] = {
      {a + "self.query.weight", {4, 5}, a + "self.query.bias: shape [0], expected [4]"},
      {a + "self.key.weight", {4, 5}, a + "self.query.weight: shape [0, 5], expected [A, 5]"},
      {a + "self.value.bias", {4}, a + "self.query.weight: shape [0, 5], expected [A, 5]"},
      {a + "output.dense.weight", {5, 4}, a + "self.query.weight: shape [0, 5], expected [A, 5]"},
      {a + "output.dense.weight", {4, 0}, a + "output.dense.weight: shape [4, 0], expected [5, 0]"},
      {a + "output.dense.weight", {0}, a + "output.dense.weight: shape [0], expected [5, 0]"},
      {a + "output.dense.bias", {4}, a + "output.dense.bias: shape [4], expected [5]"},
      {a + "self.query.weight", {0, 4}, a + "self.query.weight: shape [0, 4], expected [0, 5]"},
      {a + "output.LayerNorm.weight", {}, a + "output.LayerNorm.weight: is missing"},
      {a + "output.LayerNorm.bias", {8}, a + "output.LayerNorm.bias: shape [8], expected [5]"},
      {f + "intermediate.dense.weight", {3, 5}, f + "intermediate.dense.bias: shape [0]"},
      {f + "intermediate.dense.bias", {3}, f + "intermediate.dense.weight: shape [0, 5]"},
      {f + "output.dense.weight", {5, 3}, f + "intermediate.dense.weight: shape [0, 5]"},
      {f + "output.LayerNorm.bias", {}, f + "output.LayerNorm.bias: is missing"},
  };
  for (const auto& c : cases) {
    Shapes s = compact_empty("bert.", false, true);
    if (c.shape.empty()) {
      s.at.erase(c.name);
    } else {
      s.at[c.name] = c.shape;
    }
    const std::string what = build_error(s);
    EXPECT_TRUE(what.find("m/model.safetensors: tensor " + c.says) == 0) << c.name << "\n" << what;
  }
  // The same where the others are left out.
  Shapes s = compact_empty("bert.", false, false);
  s.at[a + "self.key.weight"] = {4, 5};
  EXPECT_EQ(build_error(s), "m/model.safetensors: tensor " + a +
                                "self.query.weight: is missing, expected shape [A, 5]");
  // No other dialect has layers without units.
  s = deebert();
  s.erase("bert.encoder.layer.1.intermediate.");
  s.at.erase("bert.encoder.layer.1.output.dense.weight");
  EXPECT_EQ(build_error(s),
            "m/model.safetensors: tensor bert.encoder.layer.1.intermediate.dense.weight: is "
            "missing, expected shape [F, 8]");
}

TEST(CofiCompact, NothingPrunedIsPlain) {
  EXPECT_EQ(make_model(plain_bert()).provenance.dialect, "plain-bert");
}

std::vector<float> floats(const Tensor& t) {
  std::vector<float> v(static_cast<size_t>(t.numel()));
  to_float32(t, v.data());
  return v;
}

// H 8 (unit 1 goes), 2 heads of 4, F 12, L 3:
//   layer 0: head 1 goes, head 0 scaled; feed-forward unit 0 goes, unit 2 scaled
//   layer 1: head_layer_z 0; intermediate_z all 0 although mlp_z is 1
//   layer 2: all ones
Shapes masks() {
  Shapes z;
  z.at["hidden_z"] = {8};
  z.values["hidden_z"] = {0.5f, 0, 1, 1, 1, 1, 1, 0.25f};
  z.at["head_z"] = {3, 1, 2, 1, 1};
  z.values["head_z"] = {0.75f, 0, 1, 1, 1, 1};
  z.at["head_layer_z"] = {3};
  z.values["head_layer_z"] = {0.5f, 0, 1};
  z.at["intermediate_z"] = {3, 1, 1, 12};
  z.values["intermediate_z"] = std::vector<float>(36, 1.0f);
  z.values["intermediate_z"][0] = 0;
  z.values["intermediate_z"][2] = 0.5f;
  for (size_t i = 12; i < 24; ++i) z.values["intermediate_z"][i] = 0;
  z.at["mlp_z"] = {3};
  z.values["mlp_z"] = {0.25f, 1, 1};
  return z;
}

TEST(CofiFold, ScalesAndDrops) {
  const Shapes shapes = plain_bert();
  const TensorSet original = make_set(shapes), z = make_set(masks(), "m/zs.pt");
  const Model m = build_model(make_set(shapes), make_config(), &z);
  EXPECT_EQ(m.provenance.dialect, "cofi-zs");
  EXPECT_EQ(m.arch.hidden_size, 7);
  EXPECT_EQ(m.arch.layers[0].attention->heads, 1);
  EXPECT_EQ(m.arch.layers[0].ffn->in.out, 11);
  EXPECT_FALSE(m.arch.layers[1].attention || m.arch.layers[1].ffn);
  EXPECT_EQ(m.arch.layers[2].attention->heads, 2);

  const auto old = [&](const std::string& name) { return floats(*original.find(name)); };
  const std::vector<size_t> kept = {0, 2, 3, 4, 5, 6, 7};
  const std::vector<float> hz = masks().values["hidden_z"];
  const std::string l0 = "bert.encoder.layer.0.";

  const auto word = floats(m.parameters.tensor(m.arch.embeddings.word)),
             word0 = old("bert.embeddings.word_embeddings.weight");
  const auto wv = floats(m.parameters.tensor(m.arch.layers[0].attention->value.weight)),
             wv0 = old(l0 + "attention.self.value.weight");
  const auto wq = floats(m.parameters.tensor(m.arch.layers[0].attention->query.weight)),
             wq0 = old(l0 + "attention.self.query.weight");
  const auto wo = floats(m.parameters.tensor(m.arch.layers[0].attention->output.weight)),
             wo0 = old(l0 + "attention.output.dense.weight");
  const auto bo = floats(m.parameters.tensor(m.arch.layers[0].attention->output.bias)),
             bo0 = old(l0 + "attention.output.dense.bias");
  const auto bv = floats(m.parameters.tensor(m.arch.layers[0].attention->value.bias)),
             bv0 = old(l0 + "attention.self.value.bias");
  const auto w2 = floats(m.parameters.tensor(m.arch.layers[0].ffn->out.weight)),
             w20 = old(l0 + "output.dense.weight");
  const auto b2 = floats(m.parameters.tensor(m.arch.layers[0].ffn->out.bias)),
             b20 = old(l0 + "output.dense.bias");
  const auto w1 = floats(m.parameters.tensor(m.arch.layers[0].ffn->in.weight)),
             w10 = old(l0 + "intermediate.dense.weight");
  const auto ln = floats(m.parameters.tensor(m.arch.layers[0].ffn->norm.weight)),
             ln0 = old(l0 + "output.LayerNorm.weight");
  const auto pool = floats(m.parameters.tensor(m.arch.heads[0].pooler->weight)),
             pool0 = old("bert.pooler.dense.weight");
  ASSERT_EQ(wv.size(), 4u * 7);
  ASSERT_EQ(wo.size(), 7u * 4);
  ASSERT_EQ(w2.size(), 7u * 11);
  for (size_t j = 0; j < 7; ++j) {
    const size_t k = kept[j];
    EXPECT_EQ(word[3 * 7 + j], word0[3 * 8 + k] * hz[k]);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(wq[i * 7 + j], wq0[i * 8 + k] * hz[k]);
      EXPECT_EQ(wv[i * 7 + j], wv0[i * 8 + k] * hz[k] * 0.75f);
      EXPECT_EQ(wo[j * 4 + i], wo0[k * 8 + i] * hz[k] * 0.5f);
    }
    EXPECT_EQ(bo[j], bo0[k] * hz[k] * 0.5f);
    EXPECT_EQ(w1[j], w10[8 + k] * hz[k]);  // row 0 of what is left is unit 1
    EXPECT_EQ(w2[j * 11], w20[k * 12 + 1] * hz[k] * 0.25f);
    EXPECT_EQ(w2[j * 11 + 1], w20[k * 12 + 2] * hz[k] * 0.25f * 0.5f);
    EXPECT_EQ(b2[j], b20[k] * 0.25f);  // mlp_z, not hidden_z
    EXPECT_EQ(ln[j], ln0[k]);          // unscaled
    EXPECT_EQ(pool[5 * 7 + j], pool0[5 * 8 + k] * hz[k]);
  }
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(bv[i], bv0[i] * 0.75f);
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].classifier.weight).shape,
            (std::vector<int64_t>{2, 8}));
  EXPECT_EQ(floats(m.parameters.tensor(m.arch.heads[0].classifier.weight)),
            old("classifier.weight"));
  EXPECT_EQ(m.provenance.unused.size(), 16u);  // layer 1
  EXPECT_TRUE(m.provenance.notes.empty());
}

TEST(CofiFold, RobertaClassifierIsNotScaled) {
  const Shapes shapes = plain_roberta();
  const TensorSet original = make_set(shapes), z = make_set(masks(), "m/zs.pt");
  const Model m = build_model(make_set(shapes), make_config(), &z);
  EXPECT_EQ(m.provenance.dialect, "cofi-zs-roberta");
  const auto dense = floats(m.parameters.tensor(m.arch.heads[0].pooler->weight)),
             dense0 = floats(*original.find("classifier.dense.weight"));
  ASSERT_EQ(dense.size(), 8u * 7);
  EXPECT_EQ(dense[0], dense0[0]);
  EXPECT_EQ(dense[6], dense0[7]);
}

TEST(CofiFold, MissingMasksAreOnesAndNothingIsCopied) {
  const TensorSet z = make_set(Shapes{}, "m/zs.pt");
  TensorSet set = make_set(plain_bert());
  const std::byte* word = set.find("bert.embeddings.word_embeddings.weight")->data;
  const Model m = build_model(std::move(set), make_config(), &z);
  EXPECT_EQ(m.provenance.dialect, "cofi-zs");
  EXPECT_EQ(m.arch.hidden_size, 8);
  EXPECT_EQ(m.parameters.tensor(m.arch.embeddings.word).data, word);
}

TEST(CofiFold, SingletonAxesMayBeAbsent) {
  Shapes z = masks();
  z.at["head_z"] = {3, 2};
  z.at["intermediate_z"] = {3, 12};
  z.at["hidden_z"] = {1, 1, 8};
  const TensorSet set = make_set(z, "m/zs.pt");
  EXPECT_EQ(build_model(make_set(plain_bert()), make_config(), &set).arch.hidden_size, 7);
}

std::string fold_error(const Shapes& z, const Shapes& s = plain_bert()) {
  const TensorSet set = make_set(z, "m/zs.pt");
  return error_of(ErrorKind::model, [&] { build_model(make_set(s), make_config(), &set); });
}

TEST(CofiFold, Errors) {
  Shapes z = masks();
  z.at["hidden_z"] = {7};
  EXPECT_EQ(fold_error(z),
            "m/zs.pt: tensor hidden_z: shape [7], expected [8] (the uncompacted model's, axes "
            "of 1 aside)");
  z = masks();
  z.at["layer_z"] = {3};
  EXPECT_EQ(fold_error(z),
            "m/zs.pt: unknown mask \"layer_z\", expected hidden_z, head_z, head_layer_z, "
            "intermediate_z or mlp_z");
  z = masks();
  z.values["mlp_z"][1] = -1;
  EXPECT_EQ(fold_error(z), "m/zs.pt: tensor mlp_z: holds -1, expected numbers from 0 to 1");
  z.values["mlp_z"][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(fold_error(z).find("tensor mlp_z: holds"), std::string::npos);
  z = masks();
  z.dtypes["mlp_z"] = DType::i64;
  EXPECT_EQ(fold_error(z), "m/zs.pt: tensor mlp_z: dtype I64, expected F32, F16, BF16 or F64");
  z = masks();
  z.values["hidden_z"] = std::vector<float>(8, 0.0f);
  EXPECT_EQ(fold_error(z), "m/zs.pt: hidden_z is all 0, expected a unit to stay");
  EXPECT_EQ(fold_error(masks(), compact("bert.", false)),
            "m/zs.pt: masks of an uncompacted model, but its tensors have hidden size 5 "
            "(hidden_size is 8)");
  EXPECT_EQ(fold_error(masks(), deebert()),
            "m/zs.pt: CoFi's masks beside the tensors of deebert-bert, expected a model without "
            "off-ramps");
  // What a mask keeps must be there.
  Shapes s = plain_bert();
  s.erase("bert.encoder.layer.2.intermediate.");
  s.erase("bert.encoder.layer.2.output.dense.");
  EXPECT_EQ(fold_error(masks(), s),
            "m/model.safetensors: tensor bert.encoder.layer.2.intermediate.dense.weight: "
            "is missing, expected shape [12, 8]");
}

}  // namespace
}  // namespace costeff::checkpoint
