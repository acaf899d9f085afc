#include <gtest/gtest.h>

#include "base/format.h"
#include "checkpoint/dialects/dialects.h"
#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

using model::Activation;
using model::Model;
using model::Pooling;
using Layers = std::vector<int64_t>;
using Names = std::vector<std::string>;

TEST(PlainBert, OneExit) {
  const Model m = make_model(plain_bert());
  EXPECT_EQ(m.provenance.dialect, "plain-bert");
  EXPECT_EQ(exit_layers(m), Layers{3});
  EXPECT_EQ(m.arch.hidden_size, 8);
  EXPECT_EQ(m.arch.head_size, 4);
  EXPECT_EQ(m.arch.vocab_size, 11);
  EXPECT_EQ(m.arch.max_length, 10);
  EXPECT_EQ(m.arch.type_vocab_size, 2);
  EXPECT_EQ(m.arch.num_labels, 2);
  EXPECT_FALSE(is_regression(m.arch) || m.arch.question_answering);
  EXPECT_EQ(m.provenance.labels, (Names{"LABEL_0", "LABEL_1"}));
  ASSERT_EQ(m.arch.layers.size(), 3u);
  for (const model::Layer& l : m.arch.layers) {
    ASSERT_TRUE(l.attention && l.ffn);
    EXPECT_EQ(l.attention->heads, 2);
    EXPECT_EQ(l.ffn->in.out, 12);
  }
  EXPECT_EQ(m.parameters.tensor(m.arch.layers[1].attention->value.weight).name,
            "bert.encoder.layer.1.attention.self.value.weight");
  EXPECT_EQ(m.parameters.tensor(m.arch.layers[2].ffn->norm.bias).name,
            "bert.encoder.layer.2.output.LayerNorm.bias");
  const model::Head& h = m.arch.heads[0];
  EXPECT_EQ(h.pooling, Pooling::first);
  EXPECT_EQ(h.activation, Activation::tanh);
  EXPECT_EQ(m.parameters.tensor(h.pooler->weight).name, "bert.pooler.dense.weight");
  EXPECT_EQ(m.parameters.tensor(h.classifier.weight).name, "classifier.weight");
  EXPECT_TRUE(m.provenance.unused.empty());
  EXPECT_TRUE(m.provenance.notes.empty());
  EXPECT_EQ(m.parameters.storage.tensors.size(), plain_bert().at.size());
}

TEST(PlainBert, EveryTensorIsChecked) { expect_all_checked(plain_bert(), make_config()); }

TEST(PlainBert, MessagesNameFileTensorAndShape) {
  Shapes s = plain_bert();
  s.at["bert.encoder.layer.1.output.dense.weight"] = {8, 11};
  EXPECT_EQ(build_error(s),
            "m/model.safetensors: tensor bert.encoder.layer.1.output.dense.weight: shape [8, 11], "
            "expected "
            "[8, 12]");
  s = plain_bert();
  s.at.erase("bert.encoder.layer.0.intermediate.dense.bias");
  EXPECT_EQ(build_error(s),
            "m/model.safetensors: tensor bert.encoder.layer.0.intermediate.dense.bias: is missing, "
            "expected shape [12]");
  s = plain_bert();
  s.at["bert.embeddings.word_embeddings.weight"] = {0, 8};
  EXPECT_EQ(
      build_error(s),
      "m/model.safetensors: tensor bert.embeddings.word_embeddings.weight: shape [0, 8], expected "
      "[V, H] with no axis of 0");
}

TEST(PlainBert, NamesWithoutPrefixWithModuleWithGammaAndBeta) {
  const Model none = make_model(plain_bert(""));
  EXPECT_EQ(none.provenance.dialect, "plain-bert");
  EXPECT_EQ(none.parameters.tensor(none.arch.heads[0].pooler->weight).name, "pooler.dense.weight");

  Shapes s = plain_bert();
  s.rename([](const std::string& name) {
    std::string out = "module.module." + name;
    if (const size_t at = out.find("LayerNorm.weight"); at != std::string::npos)
      out.replace(at + 10, 6, "gamma");
    if (const size_t at = out.find("LayerNorm.bias"); at != std::string::npos)
      out.replace(at + 10, 4, "beta");
    return out;
  });
  const Model old = make_model(s);
  EXPECT_EQ(old.parameters.tensor(old.arch.embeddings.norm.weight).name,
            "module.module.bert.embeddings.LayerNorm.gamma");
  EXPECT_EQ(old.parameters.tensor(old.arch.embeddings.norm.bias).name,
            "module.module.bert.embeddings.LayerNorm.beta");

  s.at["module.bert.pooler.dense.bias"] = {8};
  EXPECT_NE(build_error(s).find("is the same as tensor module."), std::string::npos)
      << build_error(s);
}

TEST(PlainBert, UnusedTensorsAreListed) {
  Shapes s = plain_bert();
  s.at["bert.embeddings.position_ids"] = {1, 10};
  s.dtypes["bert.embeddings.position_ids"] = DType::i64;
  s.at["cls.predictions.bias"] = {11};
  s.at["fit_dense.weight"] = {3, 8};
  const Model m = make_model(s);
  EXPECT_EQ(unused_names(m),
            (Names{"bert.embeddings.position_ids", "cls.predictions.bias", "fit_dense.weight"}));
  EXPECT_TRUE(m.provenance.notes.empty());
}

TEST(PlainBert, LabelsAndRegression) {
  EXPECT_EQ(make_model(plain_bert(), make_config(R"("id2label": {"0": "no", "1": "yes"})"))
                .provenance.labels,
            (Names{"no", "yes"}));
  EXPECT_EQ(
      build_error(plain_bert(), make_config(R"("id2label": {"0": "a", "1": "b", "2": "c"})")),
      "m/config.json: id2label names 3 labels, the classifier (classifier.weight) has 2 rows");
  EXPECT_EQ(build_error(plain_bert(), make_config(R"("num_labels": 3)")),
            "m/config.json: num_labels is 3, the classifier (classifier.weight) has 2 rows");
  const Model both =
      make_model(plain_bert(), make_config(R"("num_labels": 3, "id2label": {"0": "a", "1": "b"})"));
  EXPECT_EQ(both.provenance.labels, (Names{"a", "b"}));
  EXPECT_EQ(both.provenance.notes,
            Names{"m/config.json: num_labels is 3, the classifier (classifier.weight) has 2 "
                  "rows, as id2label"});
  Shapes one = plain_bert();
  one.linear("classifier", 1, kH);
  const Model r = make_model(one);
  EXPECT_TRUE(is_regression(r.arch));
  EXPECT_EQ(r.provenance.labels, Names{"LABEL_0"});
  EXPECT_EQ(
      build_error(plain_bert(), make_config(R"("problem_type": "regression")")),
      "m/config.json: problem_type is regression, the classifier (classifier.weight) has 2 rows, "
      "expected 1");
}

TEST(PlainBert, LayersMustAgree) {
  Shapes s = plain_bert();
  s.erase("bert.encoder.layer.1.");
  EXPECT_EQ(
      build_error(s),
      "m/model.safetensors: has tensors of bert.encoder.layer.2, but none of bert.encoder.layer.1");
  s = plain_bert();
  add_layer(s, "bert.encoder.layer.3.", kH, kH, kF);
  EXPECT_EQ(build_error(s),
            "m/config.json: num_hidden_layers is 3, m/model.safetensors holds 4 layers");
  s.at["bert.encoder.layer.12345678901.x"] = {1};
  EXPECT_NE(build_error(s).find("its number is out of range"), std::string::npos);
}

TEST(PlainBert, PositionsLimitTheLength) {
  const Model less = make_model(plain_bert(), make_config(R"("max_position_embeddings": 7)"));
  EXPECT_EQ(less.arch.max_length, 7);
  ASSERT_EQ(less.provenance.notes.size(), 1u);
  EXPECT_NE(less.provenance.notes[0].find("max_position_embeddings is 7"), std::string::npos);
  const Model more = make_model(plain_bert(), make_config(R"("max_position_embeddings": 512)"));
  EXPECT_EQ(more.arch.max_length, 10);
  EXPECT_EQ(more.provenance.notes.size(), 1u);
}

TEST(PlainBert, HeadsOfConfig) {
  EXPECT_EQ(build_error(plain_bert(), make_config("", "3")),
            "m/config.json: num_attention_heads is 3, does not divide hidden_size 8");
  const Config missing = parse_config(R"({"hidden_size": 8})", "m/config.json");
  EXPECT_EQ(build_error(plain_bert(), missing),
            "m/config.json: num_attention_heads is 12 (the default, as the key is missing), does "
            "not divide "
            "hidden_size 8");
  const Config wide =
      parse_config(R"({"hidden_size": 16, "num_attention_heads": 4})", "m/config.json");
  EXPECT_NE(build_error(plain_bert(), wide).find("hidden_size"), std::string::npos);
}

TEST(PlainBert, PrunedHeadsOfTransformers) {
  Shapes s = plain_bert();
  s.erase("bert.encoder.layer.1.");
  add_layer(s, "bert.encoder.layer.1.", kH, 4, kF);
  const Model m = make_model(s, make_config(R"("pruned_heads": {"1": [0]})"));
  EXPECT_EQ(m.provenance.dialect, "plain-bert");
  EXPECT_EQ(m.arch.layers[1].attention->heads, 1);
  // A that is no multiple of the head size.
  Shapes odd = plain_bert();
  odd.erase("bert.encoder.layer.1.");
  add_layer(odd, "bert.encoder.layer.1.", kH, 6, kF);
  EXPECT_EQ(
      build_error(odd, make_config(R"("pruned_heads": {"1": [0]})")),
      "m/model.safetensors: tensor bert.encoder.layer.1.attention.self.query.weight: shape [6, 8], "
      "expected rows that are a multiple of the head size 4, at most 8 (hidden_size and "
      "num_attention_heads of m/config.json)");
}

TEST(PlainBert, QuestionAnswering) {
  Shapes s = encoder("bert.");
  s.linear("qa_outputs", 2, kH);
  const Model m = make_model(s);
  EXPECT_EQ(m.provenance.dialect, "plain-bert-qa");
  EXPECT_TRUE(m.arch.question_answering);
  EXPECT_EQ(m.arch.heads[0].pooling, Pooling::tokens);
  EXPECT_FALSE(m.arch.heads[0].pooler.has_value());
  EXPECT_EQ(m.arch.heads[0].activation, Activation::none);
  EXPECT_EQ(m.provenance.labels, (Names{"start", "end"}));
  expect_all_checked(s, make_config());
  s.linear("qa_outputs", 3, kH);
  EXPECT_EQ(build_error(s),
            "m/model.safetensors: tensor qa_outputs.weight: shape [3, 8], expected [2, 8]");
}

TEST(PlainRoberta, HeadAndPositions) {
  Shapes s = plain_roberta();
  expect_all_checked(s, make_config());
  s.linear("roberta.pooler.dense", kH, kH);
  const Model m = make_model(s);
  EXPECT_EQ(m.provenance.dialect, "plain-roberta");
  EXPECT_EQ(m.arch.embeddings.position_offset, 2);
  EXPECT_EQ(m.arch.max_length, 8);
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].pooler->weight).name, "classifier.dense.weight");
  EXPECT_EQ(m.parameters.tensor(m.arch.heads[0].classifier.weight).name,
            "classifier.out_proj.weight");
  EXPECT_EQ(unused_names(m), (Names{"roberta.pooler.dense.bias", "roberta.pooler.dense.weight"}));
  EXPECT_EQ(make_model(s, make_config(R"("model_type": "xlm-roberta")")).provenance.dialect,
            "plain-xlmr");
  EXPECT_EQ(make_model(s, make_config(R"("max_position_embeddings": 9)")).arch.max_length, 7);
  s.at["roberta.embeddings.position_embeddings.weight"] = {2, kH};
  EXPECT_NE(build_error(s).find("expected more than 2 rows"), std::string::npos);
}

TEST(PlainRoberta, PositionsBeginAfterThePadToken) {
  Shapes deebert_roberta = deebert("roberta.");
  for (const Shapes& s : {plain_roberta(), deebert_roberta}) {
    for (int64_t pad : {0, 1, 3, 8}) {
      for (const char* type : {"", R"("model_type": "xlm-roberta", )"}) {
        const Model m = make_model(s, make_config(type + fmt::format("\"pad_token_id\": {}", pad)));
        EXPECT_EQ(m.arch.embeddings.position_offset, pad + 1);
        EXPECT_EQ(m.arch.embeddings.pad_token(), pad);
        EXPECT_EQ(m.arch.max_length, kP - pad - 1);
      }
    }
    for (const char* bad : {"-1", "11", "null", "\"1\"", "1.5"}) {
      EXPECT_EQ(build_error(s, make_config("\"pad_token_id\": " + std::string(bad))),
                "m/config.json: pad_token_id is " + std::string(bad) +
                    ", expected an id from 0 to 10: RoBERTa's positions begin after it");
    }
    EXPECT_EQ(build_error(s, make_config(R"("pad_token_id": 9)")),
              "m/model.safetensors: tensor roberta.embeddings.position_embeddings.weight: shape "
              "[10, 8], expected more than 10 rows: RoBERTa's positions begin at 10, after "
              "pad_token_id of m/config.json");
  }
  // BERT's do not depend on it.
  for (const char* any : {"3", "-1", "null"}) {
    const Model m = make_model(plain_bert(), make_config("\"pad_token_id\": " + std::string(any)));
    EXPECT_EQ(m.arch.embeddings.position_offset, 0);
    EXPECT_EQ(m.arch.max_length, kP);
  }
}

TEST(Source, NoEncoderAndTwoEncoders) {
  Shapes s;
  s.at["mpnet.embeddings.word_embeddings.weight"] = {kV, kH};
  EXPECT_EQ(
      build_error(s),
      "m/model.safetensors: holds no BERT encoder, expected tensors such as "
      "bert.embeddings.word_embeddings.weight (found: mpnet.embeddings.word_embeddings.weight)");
  EXPECT_NE(build_error(Shapes{}).find("(found: no tensor at all)"), std::string::npos);
  s = plain_bert();
  s.at["roberta.embeddings.word_embeddings.weight"] = {kV, kH};
  EXPECT_EQ(build_error(s),
            "m/model.safetensors: holds two encoders, bert.* and roberta.*, expected one");
}

// transformers goes by model_type, so a file of another family has the wrong one.
TEST(Source, ModelTypeAndTensorsAgree) {
  const auto type = [](const char* name) {
    return make_config("\"model_type\": \"" + std::string(name) + "\"");
  };
  EXPECT_EQ(build_error(plain_bert(), type("roberta")),
            "m/config.json: model_type is \"roberta\", but m/model.safetensors holds an encoder of "
            "bert (bert.*), expected one of bert, elasticbert, masked_bert");
  EXPECT_EQ(build_error(plain_roberta(), type("bert")),
            "m/config.json: model_type is \"bert\", but m/model.safetensors holds an encoder of "
            "roberta (roberta.*), expected one of roberta, xlm-roberta, camembert, data2vec-text");
  for (const char* fits : {"bert", "elasticbert", "masked_bert"}) {
    EXPECT_EQ(make_model(plain_bert(), type(fits)).provenance.dialect, "plain-bert");
  }
  // Without a prefix it decides.
  Shapes s = plain_bert("");
  EXPECT_EQ(make_model(s, type("bert")).arch.embeddings.position_offset, 0);
  for (const char* roberta : {"roberta", "xlm-roberta", "camembert"}) {
    EXPECT_EQ(make_model(s, type(roberta)).arch.embeddings.position_offset, 2) << roberta;
  }
}

TEST(Source, QuantizationConfigIsIgnored) {
  const Model q =
      make_model(plain_bert(), make_config(R"("quantization_config": {"load_in_8bit": true})"));
  ASSERT_EQ(q.provenance.notes.size(), 1u);
  EXPECT_NE(q.provenance.notes[0].find("quantization_config"), std::string::npos);
}

}  // namespace
}  // namespace costeff::checkpoint
