#include <gtest/gtest.h>

#include "base/format.h"
#include "checkpoint/dialects/dialects.h"
#include "model/weights.h"
#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

using model::Activation;
using model::HiddenMode;
using model::Model;
using model::Pooling;
using Layers = std::vector<int64_t>;

TEST(DeeBert, OffRampsAndTheUntrainedLastHighway) {
  for (const std::string prefix : {"bert.", "roberta.", ""}) {
    const Model m = make_model(deebert(prefix));
    EXPECT_EQ(m.provenance.dialect, prefix == "roberta." ? "deebert-roberta" : "deebert-bert");
    EXPECT_EQ(exit_layers(m), (Layers{1, 2, 3}));
    EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].pooler->weight).name,
              prefix + "encoder.highway.0.pooler.dense.weight");
    EXPECT_EQ(m.parameters.tensor(m.arch.heads[1].classifier.bias).name,
              prefix + "encoder.highway.1.classifier.bias");
    EXPECT_EQ(m.parameters.tensor(m.arch.heads[2].pooler->weight).name,
              prefix + "pooler.dense.weight");
    EXPECT_EQ(m.parameters.tensor(m.arch.heads[2].classifier.weight).name, "classifier.weight");
    EXPECT_EQ(m.provenance.unused.size(), 4u);  // highway.2
    EXPECT_EQ(m.arch.embeddings.position_offset, prefix == "roberta." ? 2 : 0);
    EXPECT_TRUE(m.provenance.notes.empty());
  }
  expect_all_checked(deebert("bert.", 2), make_config());
  EXPECT_EQ(make_model(deebert("bert.", 2)).provenance.unused.size(), 0u);
}

TEST(DeeBert, Errors) {
  EXPECT_EQ(build_error(deebert("bert.", 1)),
            "m/model.safetensors: tensor bert.encoder.highway.1.pooler.dense.weight: is missing, "
            "expected "
            "shape [8, 8]");
  EXPECT_EQ(build_error(deebert("bert.", 4)),
            "m/model.safetensors: has tensors of bert.encoder.highway.3, expected one highway a "
            "layer of 3");
  Shapes s = deebert();
  s.linear("bert.encoder.highway.0.classifier", 3, kH);
  EXPECT_EQ(build_error(s),
            "m/model.safetensors: tensor bert.encoder.highway.0.classifier.weight: shape [3, 8], "
            "expected "
            "[2, 8] (as many rows as the final classifier)");
  // No sublayer is ever absent.
  s = deebert();
  s.erase("bert.encoder.layer.1.attention.self.");
  s.erase("bert.encoder.layer.1.attention.output.dense");
  EXPECT_EQ(
      build_error(s),
      "m/model.safetensors: tensor bert.encoder.layer.1.attention.self.query.weight: is missing, "
      "expected shape [A, 8]");
  s = deebert();
  s.at["bert.encoder.layer.0.attention.self.key.weight"] = {4, 8};
  EXPECT_EQ(
      build_error(s),
      "m/model.safetensors: tensor bert.encoder.layer.0.attention.self.key.weight: shape [4, 8], "
      "expected [8, 8]");
  const Config wide =
      parse_config(R"({"hidden_size": 16, "num_attention_heads": 4})", "m/config.json");
  EXPECT_EQ(build_error(deebert(), wide),
            "m/config.json: hidden_size is 16, the tensors have 8 "
            "(bert.embeddings.word_embeddings.weight "
            "[11, 8])");
}

TEST(Berxit, LteAndTheCoreDuplicates) {
  Shapes s = deebert();
  s.linear("bert.encoder.lte_classifier", 1, kH);
  expect_all_checked(s, make_config());
  Shapes core;
  for (const auto& [name, shape] : s.at) {
    if (name.rfind("bert.", 0) == 0) core.at["core." + name.substr(5)] = shape;
  }
  s.at.merge(core.at);
  const Model m = make_model(s);
  EXPECT_EQ(m.provenance.dialect, "berxit-bert");
  EXPECT_EQ(exit_layers(m), (Layers{1, 2, 3}));
  ASSERT_TRUE(m.arch.heads[0].lte && m.arch.heads[1].lte);
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[1].lte->weight).name,
            "bert.encoder.lte_classifier.weight");
  EXPECT_FALSE(m.arch.heads[2].lte.has_value());
  for (const Tensor& t : m.provenance.unused) {
    EXPECT_TRUE(t.name.rfind("core.", 0) == 0 || t.name.rfind("bert.encoder.highway.2.", 0) == 0)
        << t.name;
  }
  EXPECT_TRUE(m.provenance.notes.empty());
}

// Its weights are packed once; poolers, of which each exit has its own, once for each exit.
TEST(Berxit, TheLteIsPackedOnce) {
  Shapes s = deebert();
  s.linear("bert.encoder.lte_classifier", 1, kH);
  const Model m = make_model(s);
  EXPECT_EQ(m.arch.heads[0].lte->weight, m.arch.heads[1].lte->weight);
  const model::WeightStore store(m, kernels::kPortable);
  ASSERT_NE(store.head(0).lte, nullptr);
  EXPECT_EQ(store.head(0).lte, store.head(1).lte);
  EXPECT_EQ(store.head(2).lte, nullptr);
  EXPECT_NE(store.head(0).pooler, store.head(1).pooler);
}

Shapes costeff_shapes(bool factorised, bool dense, const std::vector<int64_t>& inputs) {
  Shapes s = encoder("bert.", 2, 4, 5);
  if (factorised) {
    s.erase("bert.embeddings.word_embeddings.");
    s.at["bert.embeddings.word_embeddings1.weight"] = {kV, 3};
    s.at["bert.embeddings.word_embeddings2.weight"] = {kH, 3};
  }
  for (size_t i = 0; i + 1 < inputs.size(); ++i) {
    const std::string p = fmt::format("bert.encoder.highway.{}.", i);
    s.linear(p + "classifier", kC, inputs[i]);
    if (dense) s.linear(p + "pooler.dense", kH, kH);
  }
  s.linear("classifier", kC, inputs.back());
  if (dense) s.linear("bert.pooler.dense", kH, kH);
  return s;
}

TEST(CostEff, FactorisedWithoutPooler) {
  const Shapes s = costeff_shapes(true, false, {8, 8, 8});
  const Config c = make_config(
      R"("prun_hidden_size": 4, "prun_intermediate_size": 5, "emb_hidden_dim": 3, "pooling_mode": "avg")");
  const Model m = make_model(s, c);
  EXPECT_EQ(m.provenance.dialect, "cost-eff");
  EXPECT_EQ(exit_layers(m), (Layers{1, 2, 3}));
  EXPECT_EQ(m.arch.head_size, 2);
  EXPECT_EQ(m.arch.layers[0].attention->heads, 2);
  EXPECT_EQ(m.arch.hidden_size, 8);
  ASSERT_TRUE(m.arch.embeddings.word_up.has_value());
  EXPECT_EQ(m.arch.embeddings.word_up->in, 3);
  EXPECT_FALSE(m.arch.embeddings.word_up->bias != model::kNone);
  for (const model::Head& h : m.arch.heads) {
    EXPECT_EQ(h.pooling, Pooling::mean);
    EXPECT_FALSE(h.pooler.has_value());
    EXPECT_EQ(h.activation, Activation::tanh);
    EXPECT_EQ(h.last_n_hidden, 1);
  }
  EXPECT_TRUE(m.provenance.notes.empty() && m.provenance.unused.empty());
  expect_all_checked(s, c);
  // Without the keys the tensors of the first layer decide A.
  EXPECT_EQ(make_model(s, make_config()).arch.head_size, 2);
}

TEST(CostEff, SeveralHiddenStates) {
  const std::string keys = R"("prun_hidden_size": 4, "last_n_hidden": 3, "hidden_mode": )";
  const Model concat =
      make_model(costeff_shapes(false, false, {16, 24, 24}), make_config(keys + "\"concat\""));
  EXPECT_EQ(concat.arch.heads[0].last_n_hidden, 2);  // the embedding and layer 1
  EXPECT_EQ(concat.arch.heads[1].last_n_hidden, 3);
  EXPECT_EQ(concat.arch.heads[2].last_n_hidden, 3);
  EXPECT_EQ(concat.arch.heads[2].hidden_mode, HiddenMode::concat);
  const Model average =
      make_model(costeff_shapes(false, false, {8, 8, 8}), make_config(keys + "\"avg\""));
  EXPECT_EQ(average.arch.heads[0].last_n_hidden, 2);
  EXPECT_EQ(average.arch.heads[1].hidden_mode, HiddenMode::average);
  EXPECT_EQ(build_error(costeff_shapes(false, false, {8, 8, 8}), make_config(keys + "\"concat\"")),
            "m/model.safetensors: tensor bert.encoder.highway.0.classifier.weight: shape [2, 8], "
            "expected "
            "[2, 16]");
  EXPECT_EQ(build_error(costeff_shapes(false, false, {16, 24, 40}),
                        make_config(R"("prun_hidden_size": 4, "last_n_hidden": 5)")),
            "m/config.json: last_n_hidden is 5, the model has 4 hidden states");
}

TEST(CostEff, PoolerDenseIgnoresTheOtherKeys) {
  const Shapes s = costeff_shapes(false, true, {8, 8, 8});
  const Model m = make_model(s, make_config(R"("prun_hidden_size": 4, "pooler_dense": true,
      "last_n_hidden": 3, "hidden_mode": "avg", "pooling_mode": "avg")"));
  EXPECT_EQ(m.provenance.dialect, "cost-eff");
  for (const model::Head& h : m.arch.heads) {
    EXPECT_EQ(h.pooling, Pooling::first);
    EXPECT_EQ(h.last_n_hidden, 1);
    EXPECT_TRUE(h.pooler.has_value());
  }
  // Whatever their values are.
  const Model any = make_model(s, make_config(R"("prun_hidden_size": 4, "pooler_dense": true,
      "last_n_hidden": null, "hidden_mode": 3, "pooling_mode": "max")"));
  EXPECT_EQ(any.provenance.dialect, "cost-eff");
  // pooler_dense false wins over poolers in the file, as in the reference, with a note.
  const Model off = make_model(s, make_config(R"("prun_hidden_size": 4, "pooler_dense": false)"));
  EXPECT_FALSE(off.arch.heads[0].pooler.has_value());
  EXPECT_EQ(off.provenance.unused.size(), 6u);
  EXPECT_EQ(off.provenance.notes.size(), 1u);
}

// Without off-ramps its tensors are those of BERT, but config.json counts heads differently.
TEST(CostEff, OneLayerWithPooler) {
  Shapes s = costeff_shapes(false, true, {8});
  s.erase("bert.encoder.layer.1.");
  s.erase("bert.encoder.layer.2.");
  const Config c = parse_config(R"({"hidden_size": 8, "num_attention_heads": 2,
      "num_hidden_layers": 1, "prun_hidden_size": 4, "pooler_dense": true})",
                                "m/config.json");
  const Model m = make_model(s, c);
  EXPECT_EQ(m.provenance.dialect, "cost-eff");
  EXPECT_EQ(m.arch.head_size, 2);
  EXPECT_EQ(m.arch.layers[0].attention->heads, 2);
  EXPECT_EQ(exit_layers(m), Layers{1});
}

TEST(CostEff, Errors) {
  const Shapes s = costeff_shapes(true, false, {8, 8, 8});
  EXPECT_EQ(
      build_error(s, make_config(R"("prun_hidden_size": 6)")),
      "m/model.safetensors: tensor bert.encoder.layer.0.attention.self.query.weight: shape [4, 8], "
      "expected [6, 8]");
  EXPECT_EQ(build_error(s, make_config(R"("prun_hidden_size": 5)")),
            "m/config.json: num_attention_heads is 2, does not divide prun_hidden_size 5");
  EXPECT_EQ(
      build_error(s, make_config(R"("prun_intermediate_size": 6)")),
      "m/model.safetensors: tensor bert.encoder.layer.0.intermediate.dense.weight: shape [5, 8], "
      "expected [6, 8]");
  EXPECT_EQ(build_error(s, make_config(R"("pooling_mode": "max")")),
            "m/config.json: pooling_mode is \"max\", expected cls or avg");
  EXPECT_EQ(build_error(s, make_config(R"("hidden_mode": "sum")")),
            "m/config.json: hidden_mode is \"sum\", expected concat or avg");
  EXPECT_EQ(build_error(s, make_config(R"("emb_hidden_dim": 4)")),
            "m/config.json: emb_hidden_dim is 4, tensor bert.embeddings.word_embeddings1.weight "
            "has shape "
            "[11, 3]");
  EXPECT_EQ(build_error(s, make_config(R"("pooler_dense": true)")),
            "m/model.safetensors: tensor bert.encoder.highway.0.pooler.dense.weight: is missing, "
            "expected "
            "shape [8, 8]");
}

TEST(Pabee, ThePoolerIsPackedOnce) {
  const Model m = make_model(pabee());
  const model::WeightStore store(m, kernels::kPortable);
  ASSERT_NE(store.head(0).pooler, nullptr);
  for (int64_t i = 1; i < kL; ++i) {
    EXPECT_EQ(m.arch.heads[static_cast<size_t>(i)].pooler->weight, m.arch.heads[0].pooler->weight);
    EXPECT_EQ(store.head(i).pooler, store.head(0).pooler);
    EXPECT_NE(store.head(i).classifier.weight, store.head(0).classifier.weight);
  }
}

TEST(Pabee, SharedPooler) {
  Shapes s = pabee();
  const Model m = make_model(s);
  EXPECT_EQ(m.provenance.dialect, "pabee");
  EXPECT_EQ(exit_layers(m), (Layers{1, 2, 3}));
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].pooler->weight).data,
            m.parameters.tensor(m.arch.heads[2].pooler->weight).data);
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[1].classifier.weight).name, "classifiers.1.weight");
  expect_all_checked(s, make_config());
  s.linear("classifiers.3", kC, kH);
  EXPECT_EQ(
      build_error(s),
      "m/model.safetensors: has tensors of classifiers.3, expected one classifier a layer of 3");
}

Shapes elastic(int64_t exits) {
  Shapes s = encoder("elasticbert.");
  for (int64_t j = 0; j < exits; ++j) {
    s.linear(fmt::format("elasticbert.encoder.pooler.{}.dense", kL - exits + j), kH, kH);
    s.linear(fmt::format("classifiers.{}", j), kC, kH);
  }
  return s;
}

TEST(ElasticBert, AllPartialAndStatic) {
  EXPECT_EQ(exit_layers(make_model(elastic(3))), (Layers{1, 2, 3}));
  const Model m = make_model(elastic(2), make_config(R"("num_output_layers": 2)"));
  EXPECT_EQ(m.provenance.dialect, "elasticbert");
  EXPECT_EQ(exit_layers(m), (Layers{2, 3}));
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].pooler->weight).name,
            "elasticbert.encoder.pooler.1.dense.weight");
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].classifier.weight).name, "classifiers.0.weight");
  expect_all_checked(elastic(2), make_config());
  EXPECT_EQ(build_error(elastic(2), make_config(R"("num_output_layers": 3)")),
            "m/config.json: num_output_layers is 3, m/model.safetensors holds classifiers.0 to "
            "classifiers.1");
  Shapes s = elastic(1);
  s.erase("classifiers.");
  s.linear("classifier", kC, kH);
  const Model fixed = make_model(s);
  EXPECT_EQ(fixed.provenance.dialect, "elasticbert-static");
  EXPECT_EQ(exit_layers(fixed), Layers{3});
  expect_all_checked(s, make_config());
}

TEST(DistilBert, NamesAndRelu) {
  Shapes s = distilbert_encoder();
  Shapes qa = s;
  s.linear("pre_classifier", kH, kH);
  s.linear("classifier", kC, kH);
  const Config c = parse_config(R"({"dim": 8, "n_heads": 2, "n_layers": 3, "hidden_dim": 12})",
                                "m/config.json", true);
  const Model m = make_model(s, c);
  EXPECT_EQ(m.provenance.dialect, "distilbert");
  EXPECT_EQ(exit_layers(m), Layers{3});
  EXPECT_FALSE(m.arch.embeddings.type != model::kNone);
  EXPECT_EQ(m.arch.type_vocab_size, 0);
  EXPECT_EQ(m.arch.heads[0].activation, Activation::relu);
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].pooler->weight).name, "pre_classifier.weight");
  EXPECT_EQ(m.parameters.tensor(m.arch.layers[0].attention->output.weight).name,
            "distilbert.transformer.layer.0.attention.out_lin.weight");
  EXPECT_EQ(m.parameters.tensor(m.arch.layers[0].ffn->out.weight).name,
            "distilbert.transformer.layer.0.ffn.lin2.weight");
  expect_all_checked(s, c);
  // The epsilon is in transformers' code, not in config.json.
  Config eps = c;
  eps.layer_norm_eps = 1e-3;
  EXPECT_EQ(make_model(s, eps).arch.layer_norm_eps, 1e-12f);
  EXPECT_EQ(make_model(s, eps).provenance.notes.size(), 1u);
  EXPECT_TRUE(m.provenance.notes.empty());
  qa.linear("qa_outputs", 2, kH);
  EXPECT_EQ(make_model(qa, c).provenance.dialect, "distilbert-qa");
}

}  // namespace
}  // namespace costeff::checkpoint
