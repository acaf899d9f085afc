// Names and config.json of written models, and how the object "costeff" is read.

#include "checkpoint/dialects/save_model.h"

#include <costeff/version.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/format.h"
#include "checkpoint/written_again.h"

namespace costeff::checkpoint {
namespace {

TEST(SaveModel, PlainBertHasTheNamesThatTransformersReads) {
  Shapes source = plain_bert("");  // without prefix, with DataParallel's, old names, and leftovers
  source.at["embeddings.position_ids"] = {1, 10};
  source.dtypes["embeddings.position_ids"] = DType::i64;
  source.linear("cls.seq_relationship", 2, kH);
  source.rename([](const std::string& name) {
    if (name == "embeddings.LayerNorm.weight")
      return std::string("module.embeddings.LayerNorm.gamma");
    return "module." + name;
  });
  source.dtypes["module.embeddings.position_ids"] = DType::i64;
  const Config config = make_config("\"id2label\": {\"0\": \"bad\", \"1\": \"good\"}");
  const model::Model m = make_model(source, config);
  const Again again(m, config);
  EXPECT_EQ(names_of(again.shapes), names_of(plain_bert()));
  EXPECT_EQ(again.saved.dialect, "plain-bert");
  Json j = again.saved.json;
  j.erase("costeff");
  EXPECT_EQ(j, Json::parse(R"({
    "architectures": ["BertForSequenceClassification"], "model_type": "bert", "hidden_size": 8,
    "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 12, "vocab_size": 11,
    "max_position_embeddings": 10, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    "pad_token_id": 0, "id2label": {"0": "bad", "1": "good"}, "label2id": {"bad": 0, "good": 1},
    "torch_dtype": "float32"})"));
  Json costeff = again.saved.json["costeff"];
  EXPECT_EQ(costeff["version"], kVersion);
  costeff.erase("version");
  EXPECT_EQ(costeff, Json::parse(R"({
    "dialect": "plain-bert", "head_size": 4, "attention_sizes": [8, 8, 8],
    "ffn_sizes": [12, 12, 12], "exits": [3], "policy": null,
    "source": {"name": "dir", "dialect": "plain-bert", "dtype": "F32"}})"));
}

TEST(SaveModel, RobertaFamily) {
  struct Row {
    const char *type, *dialect, *architecture;
  };
  for (const Row& row : {Row{"roberta", "plain-roberta", "RobertaForSequenceClassification"},
                         Row{"xlm-roberta", "plain-xlmr", "XLMRobertaForSequenceClassification"},
                         Row{"camembert", "plain-roberta", "CamembertForSequenceClassification"}}) {
    const Config config =
        make_config("\"model_type\": \"" + std::string(row.type) + "\", \"layer_norm_eps\": 1e-5");
    const Again again(make_model(plain_roberta(), config), config);
    EXPECT_EQ(names_of(again.shapes), names_of(plain_roberta()));
    EXPECT_EQ(again.saved.dialect, row.dialect);
    EXPECT_EQ(again.model().provenance.dialect, row.dialect);
    EXPECT_EQ(again.saved.json["model_type"], row.type);
    EXPECT_EQ(again.saved.json["architectures"], Json{row.architecture});
    EXPECT_EQ(again.saved.json["layer_norm_eps"], 1e-5);
    EXPECT_EQ(again.saved.json["pad_token_id"], 1);
    EXPECT_EQ(again.saved.json["max_position_embeddings"], kP);
    EXPECT_EQ(again.model().arch.max_length, kP - 2);
  }
}

TEST(SaveModel, KeepsTheTokenIdsItRead) {
  for (int64_t pad : {0, 1, 3}) {
    const std::string ids =
        fmt::format("\"pad_token_id\": {}, \"bos_token_id\": 4, \"eos_token_id\": 6", pad);
    const Config config = make_config(ids);
    const Again roberta(make_model(plain_roberta(), config), config);
    EXPECT_EQ(roberta.saved.json["pad_token_id"], pad);
    EXPECT_EQ(roberta.saved.json["bos_token_id"], 4);
    EXPECT_EQ(roberta.saved.json["eos_token_id"], 6);
    EXPECT_EQ(roberta.saved.json["max_position_embeddings"], kP);
    EXPECT_EQ(roberta.model().arch.embeddings.pad_token(), pad);
    EXPECT_EQ(roberta.model().arch.max_length, kP - pad - 1);
    const Again bert(make_model(plain_bert(), config), config);
    EXPECT_EQ(bert.saved.json["pad_token_id"], pad);
    EXPECT_EQ(bert.model().arch.max_length, kP);
  }
}

TEST(SaveModel, DistilBertHasKeysOfItsOwn) {
  Shapes s = distilbert_encoder();
  s.linear("pre_classifier", kH, kH);
  s.linear("classifier", kC, kH);
  const Config config = parse_config(
      R"({"dim": 8, "n_heads": 2, "n_layers": 3, "hidden_dim": 12, "activation": "relu"})",
      "m/config.json", true);
  const Again again(make_model(s, config), config);
  EXPECT_EQ(names_of(again.shapes), names_of(s));
  const Json& j = again.saved.json;
  EXPECT_EQ(j["dim"], 8);
  EXPECT_EQ(j["n_heads"], 2);
  EXPECT_EQ(j["n_layers"], 3);
  EXPECT_EQ(j["hidden_dim"], 12);
  EXPECT_EQ(j["activation"], "relu");
  EXPECT_FALSE(j.contains("hidden_size") || j.contains("type_vocab_size"));
  EXPECT_EQ(again.model().provenance.dialect, "distilbert");
}

// The highway of the last layer, which is never trained, is not written.
TEST(SaveModel, DeeBertWithExitsLeftOut) {
  model::Model m = make_model(deebert());
  const Config config = make_config();
  EXPECT_EQ(names_of(Again(m, config).shapes), names_of(deebert("bert.", kL - 1)));
  remove_head(&m, 1);
  const Again again(m, config);
  Shapes expected = deebert("bert.", kL - 1);
  expected.erase("bert.encoder.highway.0.");
  EXPECT_EQ(names_of(again.shapes), names_of(expected));
  EXPECT_EQ(exit_layers(again.model()), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(again.model().provenance.dialect, "deebert-bert");
  remove_head(&m, 2);
  const Again plain(m, config);
  EXPECT_EQ(names_of(plain.shapes), names_of(plain_bert()));
  EXPECT_EQ(plain.model().provenance.dialect, "plain-bert");
}

TEST(SaveModel, DeeBertOnRobertaWithoutExitsIsPlainRoberta) {
  model::Model m = make_model(deebert("roberta."));
  ASSERT_EQ(m.provenance.dialect, "deebert-roberta");
  m.arch.heads.erase(m.arch.heads.begin(), m.arch.heads.end() - 1);
  const Again again(m, make_config());
  EXPECT_EQ(names_of(again.shapes), names_of(plain_roberta()));
  EXPECT_EQ(again.model().provenance.dialect, "plain-roberta");
}

TEST(SaveModel, PabeeAndBerxitWithExitsLeftOut) {
  model::Model m = make_model(pabee());
  EXPECT_EQ(names_of(Again(m, make_config()).shapes), names_of(pabee()));
  remove_head(&m, 2);
  EXPECT_EQ(exit_layers(Again(m, make_config()).model()), (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(Again(m, make_config()).model().provenance.dialect, "pabee");

  Shapes berxit = deebert("bert.", kL - 1);
  berxit.linear("bert.encoder.lte_classifier", 1, kH);
  m = make_model(berxit);
  EXPECT_EQ(names_of(Again(m, make_config()).shapes), names_of(berxit));
  remove_head(&m, 1);
  const model::Model less = Again(m, make_config()).model();
  EXPECT_EQ(less.provenance.dialect, "berxit-bert");
  EXPECT_EQ(exit_layers(less), (std::vector<int64_t>{2, 3}));
  EXPECT_TRUE(less.arch.heads[0].lte.has_value());
}

// classifiers.j counts from the first exit.
TEST(SaveModel, ElasticBertWithExitsLeftOut) {
  Shapes s = encoder("elasticbert.");
  for (int64_t i = 0; i < kL; ++i) {
    s.linear(fmt::format("elasticbert.encoder.pooler.{}.dense", i), kH, kH);
    s.linear(fmt::format("classifiers.{}", i), kC, kH);
  }
  const Config config = make_config("\"num_output_layers\": 3");
  const model::Model all = make_model(s, config);
  EXPECT_EQ(names_of(Again(all, config).shapes), names_of(s));
  const auto exits_without = [&](int64_t layer) {
    model::Model m = make_model(s, config);
    remove_head(&m, layer);
    const Again again(m, config);
    EXPECT_EQ(again.saved.json["num_output_layers"], layer == 1 ? 2 : 3);
    EXPECT_EQ(again.model().provenance.dialect, "elasticbert");
    return exit_layers(again.model());
  };
  EXPECT_EQ(exits_without(1), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(exits_without(2), (std::vector<int64_t>{1, 3}));
  model::Model m = make_model(s, config);
  m.arch.heads.erase(m.arch.heads.begin(), m.arch.heads.end() - 1);
  const Again last(m, config);
  EXPECT_TRUE(last.shapes.at.contains("classifier.weight"));
  EXPECT_TRUE(last.shapes.at.contains("elasticbert.encoder.pooler.2.dense.weight"));
  EXPECT_EQ(last.model().provenance.dialect, "elasticbert-static");
}

// With poolers and without off-ramps the tensors are those of a plain model; the keys tell them apart.
TEST(SaveModel, CostEffStaysCostEff) {
  Shapes s = deebert("bert.", kL - 1);
  for (int64_t i = 0; i < kL; ++i) {
    s.erase(fmt::format("bert.encoder.layer.{}", i));
    add_layer(s, fmt::format("bert.encoder.layer.{}.", i), kH, 4, 6);
  }
  const Config config = make_config(
      R"("prun_hidden_size": 4, "prun_intermediate_size": 6, "pooler_dense": true, "intermediate_size": 32)",
      "1");
  model::Model m = make_model(s, config);
  ASSERT_EQ(m.provenance.dialect, "cost-eff");
  EXPECT_EQ(names_of(Again(m, config).shapes), names_of(s));
  m.arch.heads.erase(m.arch.heads.begin(), m.arch.heads.end() - 1);
  const Again again(m, config);
  EXPECT_EQ(again.model().provenance.dialect, "cost-eff");
  EXPECT_EQ(exit_layers(again.model()), std::vector<int64_t>{3});
  const Json& j = again.saved.json;
  EXPECT_EQ(j["num_attention_heads"], 1);
  EXPECT_EQ(j["hidden_size"], 8);
  EXPECT_EQ(j["intermediate_size"], 32);
  EXPECT_EQ(j["prun_hidden_size"], 4);
  EXPECT_EQ(j["prun_intermediate_size"], 6);
  EXPECT_EQ(j["pooler_dense"], true);
  EXPECT_EQ(j["emb_hidden_dim"], -1);
}

// A layer without sublayers has no tensor; only the object "costeff" tells that it exists.
// Weights without elements are left out; the bias of the output stays.
TEST(SaveModel, CofiSublayersWithoutUnits) {
  for (const bool roberta : {false, true}) {
    for (const bool zero_sizes : {false, true}) {
      Shapes s = roberta ? plain_roberta() : plain_bert();
      const std::string layer = roberta ? "roberta.encoder.layer." : "bert.encoder.layer.";
      for (const std::string i : {"0.", "2."}) {
        s.erase(layer + i + "attention.self.");
        s.at.erase(layer + i + "attention.output.dense.weight");
      }
      for (const std::string i : {"1.", "2."}) {
        s.erase(layer + i + "intermediate.");
        s.at.erase(layer + i + "output.dense.weight");
      }
      Shapes read = s;
      if (zero_sizes) {
        read.at[layer + "0.attention.self.key.weight"] = {0, kH};
        read.at[layer + "2.output.dense.weight"] = {kH, 0};
      }
      const model::Model m = make_model(read);
      const Again again(m, make_config());
      EXPECT_EQ(names_of(again.shapes), names_of(s));
      EXPECT_EQ(again.saved.dialect, roberta ? "cofi-compact-roberta" : "cofi-compact");
      EXPECT_EQ(again.saved.json["hidden_size"], 8);
      EXPECT_EQ(again.saved.json["num_attention_heads"], 2);
      EXPECT_EQ(again.saved.json["intermediate_size"], 12);
      EXPECT_EQ(again.saved.json["costeff"]["attention_sizes"], Json({0, 8, 0}));
      EXPECT_EQ(again.saved.json["costeff"]["ffn_sizes"], Json({12, 0, 0}));
      const model::Model back = again.model();
      EXPECT_EQ(back.provenance.dialect, again.saved.dialect);
      EXPECT_EQ(back.arch.layers[2].attention->heads, 0);
      EXPECT_EQ(back.arch.layers[2].ffn->in.out, 0);
      EXPECT_EQ(back.arch.layers[1].attention->heads, 2);
      // Nothing but the tensors tells that such a layer is there.
      Config bare = again.config;
      bare.converted = {};
      EXPECT_EQ(make_model(again.shapes, bare).arch.layers[0].attention->heads, 0);
    }
  }
}

TEST(SaveModel, CofiWithEmptyLayers) {
  for (const std::set<int64_t>& empty : {std::set<int64_t>{1}, {0, 1}, {2}, {0, 1, 2}}) {
    Shapes s = plain_bert();
    for (int64_t i : empty) {
      s.erase(fmt::format("bert.encoder.layer.{}.", i));
      s.norm(fmt::format("bert.encoder.layer.{}.attention.output.LayerNorm", i), kH);
    }
    const model::Model m = make_model(s);
    ASSERT_EQ(m.provenance.dialect, "cofi-compact");
    const Again again(m, make_config());
    for (const auto& [name, shape] : again.shapes.at) {
      for (int64_t i : empty) {
        EXPECT_EQ(name.find(fmt::format("encoder.layer.{}.", i)), std::string::npos) << name;
      }
    }
    const model::Model back = again.model();
    EXPECT_EQ(back.provenance.dialect, "cofi-compact");
    ASSERT_EQ(back.arch.layers.size(), 3u);
    for (int64_t i = 0; i < kL; ++i) {
      const model::Layer& layer = back.arch.layers[static_cast<size_t>(i)];
      EXPECT_EQ(layer.attention.has_value(), !empty.contains(i));
      EXPECT_EQ(layer.ffn.has_value(), !empty.contains(i));
    }
    // Without that object the file is refused.
    Config bare = again.config;
    bare.converted = {};
    EXPECT_NE(build_error(again.shapes, bare), "");
  }
}

TEST(SaveModel, PositionTableIsCutToTheLimit) {
  const Config config = make_config("\"max_position_embeddings\": 7");
  const Again again(make_model(plain_bert(), config), config);
  EXPECT_EQ(again.shapes.at.at("bert.embeddings.position_embeddings.weight"),
            (std::vector<int64_t>{7, kH}));
  EXPECT_EQ(again.saved.json["max_position_embeddings"], 7);
  EXPECT_EQ(again.model().arch.max_length, 7);
  EXPECT_TRUE(again.model().provenance.notes.empty());
}

// transformers' prune_heads: a plain model stays plain.
TEST(SaveModel, PrunedHeadsAreListed) {
  Shapes s = plain_bert();
  s.erase("bert.encoder.layer.1.");
  add_layer(s, "bert.encoder.layer.1.", kH, 4, kF);
  const Config config = make_config("\"pruned_heads\": {\"1\": [0]}");
  const Again again(make_model(s, config), config);
  EXPECT_EQ(again.saved.json["pruned_heads"], Json::parse(R"({"1": [1]})"));
  EXPECT_EQ(again.model().provenance.dialect, "plain-bert");
}

TEST(SaveModel, DtypesAreKeptAndNamed) {
  Shapes s = plain_bert();
  const std::string word = "bert.embeddings.word_embeddings.weight";
  s.dtypes[word] = DType::f16;
  model::Model m = make_model(s);
  const Config config = make_config();
  SavedModel saved = name_model(&m, config);
  record_source(&saved, m, {"d", "plain-bert", "F32, F16"}, std::nullopt);
  EXPECT_FALSE(saved.json.contains("torch_dtype"));
  EXPECT_EQ(m.parameters.tensor(saved_names(m).at(word)).dtype, DType::f16);
  record_source(&saved, m, {"d", "plain-bert", "F32, F16"}, DType::bf16);
  EXPECT_EQ(saved.json["torch_dtype"], "bfloat16");
  EXPECT_EQ(stored_dtype(DType::f64, std::nullopt), DType::f32);
  EXPECT_EQ(stored_dtype(DType::bf16, std::nullopt), DType::bf16);
  EXPECT_EQ(stored_dtype(DType::bf16, DType::f32), DType::f32);
}

TEST(SaveModel, RegressionAndManyLabels) {
  Shapes one = plain_bert();
  one.linear("classifier", 1, kH);
  EXPECT_EQ(Again(make_model(one), make_config()).saved.json["problem_type"], "regression");
  Shapes many = plain_bert();
  many.linear("classifier", 1001, kH);
  const Again again(make_model(many), make_config());
  EXPECT_EQ(again.saved.json["num_labels"], 1001);
  EXPECT_FALSE(again.saved.json.contains("id2label"));
  EXPECT_EQ(again.model().provenance.labels.back(), "LABEL_1000");
}

// ---- the reader's side

std::string with_costeff(const std::string& object) { return "\"costeff\": " + object; }

TEST(ConvertedKeys, WrongValuesAreErrors) {
  const auto error = [](const std::string& object) {
    return error_of(ErrorKind::model, [&] { make_config(with_costeff(object)); });
  };
  EXPECT_EQ(error("3"), "m/config.json: costeff is 3, expected an object");
  EXPECT_EQ(error("{\"exits\": 3}"),
            "m/config.json: costeff: exits is 3, expected a list of 1 to 1000 numbers");
  EXPECT_EQ(error("{\"exits\": []}"),
            "m/config.json: costeff: exits is [], expected a list of 1 to 1000 numbers");
  EXPECT_EQ(error("{\"exits\": [0, 1]}"),
            "m/config.json: costeff: exits is 0, expected an integer from 1 to 1000");
  EXPECT_EQ(error("{\"ffn_sizes\": [-1]}"),
            "m/config.json: costeff: ffn_sizes is -1, expected an integer from 0 to 1048576");
  EXPECT_EQ(
      error("{\"attention_sizes\": [\"8\"]}"),
      "m/config.json: costeff: attention_sizes is \"8\", expected an integer from 0 to 65536");
}

TEST(ConvertedKeys, MustAgreeWithTheTensors) {
  const auto error = [](const Shapes& s, const std::string& object) {
    return build_error(s, make_config(with_costeff(object)));
  };
  EXPECT_EQ(error(plain_bert(), R"({"attention_sizes": [8, 4, 8]})"),
            "m/config.json: costeff: attention_sizes is [8, 4, 8], m/model.safetensors holds "
            "layers of [8, 8, 8]");
  EXPECT_EQ(error(plain_bert(), R"({"ffn_sizes": [12, 12]})"),
            "m/config.json: costeff: ffn_sizes is [12, 12], m/model.safetensors holds layers of "
            "[12, 12, 12]");
  EXPECT_EQ(error(plain_bert(), R"({"exits": [1, 3]})"),
            "m/config.json: costeff: exits is [1, 3], m/model.safetensors holds a model of "
            "plain-bert with exits "
            "at layers [3]");
  EXPECT_EQ(error(deebert(), R"({"exits": [1, 3]})"),
            "m/config.json: costeff: exits is [1, 3], but m/model.safetensors has tensors "
            "bert.encoder.highway.1.* "
            "of an exit at layer 2");
  EXPECT_EQ(error(deebert(), R"({"exits": [1, 2, 3, 4]})")
                .find("m/config.json: costeff: exits is [1, 2, 3, 4]"),
            0u);
}

// Only that object makes it legal that an exit is missing, and only the exit it names as gone.
TEST(ConvertedKeys, MissingExits) {
  Shapes s = deebert("bert.", kL - 1);
  s.erase("bert.encoder.highway.0.");
  EXPECT_NE(build_error(s).find("bert.encoder.highway.0.pooler.dense.weight: is missing"),
            std::string::npos);
  EXPECT_EQ(build_error(s, make_config(with_costeff(R"({"exits": [2, 3]})"))), "");
  EXPECT_NE(build_error(s, make_config(with_costeff(R"({"exits": [1, 2, 3]})")))
                .find("bert.encoder.highway.0.pooler.dense.weight: is missing"),
            std::string::npos);
  s.at.erase("bert.encoder.highway.1.classifier.bias");
  EXPECT_NE(build_error(s, make_config(with_costeff(R"({"exits": [2, 3]})")))
                .find("bert.encoder.highway.1.classifier.bias: is missing"),
            std::string::npos);
}

}  // namespace
}  // namespace costeff::checkpoint
