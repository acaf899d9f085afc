// Encoders without a classifier: which files are read as such, and which are not.

#include "checkpoint/dialects/backbone.h"

#include <gtest/gtest.h>

#include "base/format.h"
#include "checkpoint/tensor_maker.h"

namespace costeff::checkpoint {
namespace {

BuiltBackbone backbone(const Shapes& s, const Config& c = make_config()) {
  return build_backbone(make_set(s), c, nullptr);
}

std::string backbone_error(const Shapes& s, const std::string& keys = "") {
  return error_of(ErrorKind::model, [&] { backbone(s, make_config(keys)); });
}

Shapes with_pooler(Shapes s, const std::string& prefix, int64_t rows = kH) {
  s.linear(prefix + "pooler.dense", rows, kH);
  return s;
}

// As BertForPreTraining has them; the decoder's weight is that of the word embedding.
Shapes with_bert_pretraining(Shapes s) {
  s.linear("cls.predictions.transform.dense", kH, kH);
  s.norm("cls.predictions.transform.LayerNorm", kH);
  s.at["cls.predictions.bias"] = {kV};
  s.linear("cls.predictions.decoder", kV, kH);
  return s;
}

Shapes with_roberta_pretraining(Shapes s) {
  s.linear("lm_head.dense", kH, kH);
  s.norm("lm_head.layer_norm", kH);
  s.at["lm_head.bias"] = {kV};
  s.linear("lm_head.decoder", kV, kH);
  return s;
}

Shapes with_distilbert_pretraining(Shapes s) {
  s.linear("vocab_transform", kH, kH);
  s.norm("vocab_layer_norm", kH);
  s.linear("vocab_projector", kV, kH);
  return s;
}

Shapes without_prefix(Shapes s) {
  s.rename([](const std::string& name) { return name.substr(name.find('.') + 1); });
  return s;
}

Shapes next_sentence() {
  Shapes s = with_bert_pretraining(with_pooler(encoder("bert."), "bert."));
  s.linear("cls.seq_relationship", 2, kH);
  return s;
}

Shapes elastic_shapes() {
  Shapes s = encoder("elasticbert.");
  for (int64_t i = 0; i < kL; ++i)
    s.linear(fmt::format("elasticbert.encoder.pooler.{}.dense", i), kH, kH);
  return s;
}

Shapes cofi() {
  Shapes s = with_pooler(encoder("bert."), "bert.");
  s.erase("bert.encoder.layer.1.attention.self.");
  s.erase("bert.encoder.layer.1.attention.output.dense.");
  return s;
}

Shapes factorised_shapes() {
  Shapes s = encoder("bert.", 2, 4, 5);
  s.erase("bert.embeddings.word_embeddings.");
  s.at["bert.embeddings.word_embeddings1.weight"] = {kV, 3};
  s.at["bert.embeddings.word_embeddings2.weight"] = {kH, 3};
  return s;
}

TEST(Backbone, KindsThatAreRead) {
  const std::string roberta = "\"model_type\": \"roberta\"";
  const struct {
    const char* what;
    Shapes shapes;
    std::string keys;
    const char* dialect;
    const char* pooler;  // of which tensor; "": there is none
  } rows[] = {
      {"BertModel", with_pooler(encoder(""), ""), "", "plain-bert", "pooler.dense.weight"},
      {"BertModel without pooler", encoder(""), "", "plain-bert", ""},
      {"its labels do not matter", with_pooler(encoder(""), ""),
       R"("num_labels": 5, "id2label": {"0": "a", "1": "b", "2": "c"})", "plain-bert",
       "pooler.dense.weight"},
      {"BertForPreTraining", next_sentence(), "\"architectures\": [\"BertForPreTraining\"]",
       "plain-bert", "bert.pooler.dense.weight"},
      {"BertForMaskedLM", with_bert_pretraining(encoder("bert.")), "", "plain-bert", ""},
      {"RobertaModel", with_pooler(encoder("", 1), ""), roberta, "plain-roberta",
       "pooler.dense.weight"},
      {"RobertaForMaskedLM", with_roberta_pretraining(encoder("roberta.", 1)), roberta,
       "plain-roberta", ""},
      {"XLMRobertaModel", with_pooler(encoder("roberta.", 1), "roberta."),
       "\"model_type\": \"xlm-roberta\"", "plain-xlmr", "roberta.pooler.dense.weight"},
      {"DistilBertModel", without_prefix(distilbert_encoder()), "", "distilbert", ""},
      {"DistilBertForMaskedLM", with_distilbert_pretraining(distilbert_encoder()),
       "\"model_type\": \"distilbert\"", "distilbert", ""},
      {"ElasticBERT", elastic_shapes(), "", "elasticbert-static",
       "elasticbert.encoder.pooler.2.dense.weight"},
      {"CoFi", cofi(), "", "cofi-compact", "bert.pooler.dense.weight"},
      {"COST-EFF", factorised_shapes(), R"("prun_hidden_size": 4, "emb_hidden_dim": 3)", "cost-eff",
       ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const BuiltBackbone b = backbone(row.shapes, make_config(row.keys));
    EXPECT_EQ(b.model.provenance.dialect, row.dialect);
    EXPECT_TRUE(b.model.arch.heads.empty());
    EXPECT_EQ(b.model.arch.layers.size(), static_cast<size_t>(kL));
    EXPECT_EQ(b.model.arch.num_labels, 0);
    EXPECT_TRUE(b.model.provenance.labels.empty());
    EXPECT_TRUE(b.model.provenance.notes.empty());
    ASSERT_EQ(b.pooler.has_value(), row.pooler[0] != '\0');
    if (b.pooler) {
      const model::Parameter& p = b.model.parameters[b.pooler->weight];
      EXPECT_EQ(p.tensor.name, row.pooler);
      EXPECT_EQ(p.role, model::Role::pooler);
      EXPECT_EQ(p.tensor.shape, (std::vector<int64_t>{kH, kH}));
    }
    // It is no classifier, and the message says how to make one of it.
    EXPECT_EQ(build_error(row.shapes, make_config(row.keys)),
              "m/model.safetensors: holds an encoder without a classifier, expected tensors such "
              "as classifier.weight; `costeff train m --data FILE` makes a classifier of it");
  }
}

TEST(Backbone, AClassifierIsReadAsAlways) {
  for (const Shapes& s : {plain_bert(), plain_bert(""), plain_roberta(), deebert(), pabee()}) {
    const BuiltBackbone b = backbone(s);
    const model::Model m = make_model(s);
    EXPECT_EQ(b.model.provenance.dialect, m.provenance.dialect);
    EXPECT_EQ(exit_layers(b.model), exit_layers(m));
    EXPECT_EQ(b.model.provenance.labels, m.provenance.labels);
    EXPECT_FALSE(b.pooler.has_value());
  }
}

TEST(Backbone, WhatIsRefused) {
  const auto with = [](Shapes s, const std::string& name, std::vector<int64_t> shape) {
    s.at[name] = std::move(shape);
    return s;
  };
  const Shapes bare = encoder("bert."), bert = with_pooler(bare, "bert.");
  Shapes tokens = bare, questions = bert, no_bias = bert, layers = bert, distil_head;
  tokens.linear("classifier", kC, kH);
  questions.linear("qa_outputs", 2, kH);
  no_bias.at.erase("bert.pooler.dense.bias");
  layers.erase("bert.encoder.layer.1.");
  distil_head = distilbert_encoder();
  distil_head.linear("pre_classifier", kH, kH);
  const struct {
    Shapes shapes;
    std::string keys, error;
  } rows[] = {
      {tokens, "",
       "m/model.safetensors: tensor bert.pooler.dense.weight: is missing, expected shape [8, 8]"},
      {questions, "",
       "m/model.safetensors: holds a model that answers questions (plain-bert-qa), expected a "
       "classifier of texts or an encoder without a classifier"},
      {bert, "\"architectures\": [\"BertForTokenClassification\"]",
       "m/config.json: architectures is \"BertForTokenClassification\", expected a class for "
       "sequence classification or question answering"},
      {bert, "\"problem_type\": \"token_classification\"",
       "m/config.json: problem_type is \"token_classification\", expected "
       "single_label_classification, multi_label_classification or regression"},
      {bert, "\"is_decoder\": true",
       "m/config.json: is_decoder is true: causal attention, expected an encoder (false)"},
      {distil_head, "",
       "m/model.safetensors: tensor classifier.weight: is missing, expected shape [labels, "
       "inputs]"},
      {no_bias, "",
       "m/model.safetensors: tensor bert.pooler.dense.bias: is missing, expected shape [8]"},
      {with(bert, "bert.pooler.dense.weight", {kH, 4}), "",
       "m/model.safetensors: tensor bert.pooler.dense.weight: shape [8, 4], expected [8, 8]"},
      {layers, "",
       "m/model.safetensors: has tensors of bert.encoder.layer.2, but none of "
       "bert.encoder.layer.1"},
      {with(bert, "bert.encoder.layer.0.gate", {kH}), "",
       "m/model.safetensors: tensor bert.encoder.layer.0.gate: is inside the model, and the engine "
       "does not know what it is for, expected none such; --ignore-unused answers without what the "
       "engine does not know"},
      {with(bert, "bert.encoder.layer.0.output.dense.lora_A.weight", {2, kH}), "",
       "m/model.safetensors: tensor bert.encoder.layer.0.output.dense.lora_A.weight: is part of a "
       "LoRA adapter that is not merged, which the engine does not compute; merge it into the "
       "weights first (merge_and_unload of peft) and save that model; --ignore-unused answers "
       "without what the engine does not know"},
      {bert, "\"costeff\": {\"exits\": [3]}",
       "m/config.json: costeff: exits is [3], m/model.safetensors holds a model of plain-bert with "
       "exits at layers []"},
      {bert, "\"intermediate_size\": 12, \"vocab_size\": 0",
       "m/config.json: vocab_size is 0, expected an integer from 1 to 2147483647"},
  };
  for (const auto& row : rows) EXPECT_EQ(backbone_error(row.shapes, row.keys), row.error);

  const Config narrow =
      parse_config(R"({"hidden_size": 16, "num_attention_heads": 4})", "m/config.json");
  EXPECT_EQ(error_of(ErrorKind::model, [&] { backbone(bert, narrow); }),
            "m/model.safetensors: tensor bert.pooler.dense.weight: shape [8, 8], expected [16, 8] "
            "(hidden_size of config.json)");
  EXPECT_EQ(error_of(ErrorKind::model, [&] { backbone(bare, narrow); }),
            "m/config.json: hidden_size is 16, the tensors have 8 "
            "(bert.embeddings.word_embeddings.weight [11, 8])");
  Shapes masks;
  masks.at["hidden_z"] = {kH};
  const TensorSet z = make_set(masks, "m/zs.pt");
  EXPECT_EQ(error_of(ErrorKind::model, [&] { build_backbone(make_set(bert), make_config(), &z); }),
            "m/zs.pt: CoFi's masks beside an encoder without a classifier, expected one of them");
}

TEST(Backbone, OtherHeadsAreNoted) {
  Shapes s = next_sentence();
  s.linear("score", 3, kH);
  const BuiltBackbone b =
      backbone(s, make_config("\"architectures\": [\"BertForSequenceClassification\"]"));
  EXPECT_EQ(b.model.provenance.notes,
            (std::vector<std::string>{
                "m/model.safetensors: 2 tensors beside the encoder are not used, the first: "
                "score.bias",
                "m/config.json: architectures is \"BertForSequenceClassification\", but "
                "m/model.safetensors has no classifier"}));
}

}  // namespace
}  // namespace costeff::checkpoint
