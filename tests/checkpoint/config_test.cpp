#include "checkpoint/config.h"

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "checkpoint/exit_policy.h"
#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

using model::Activation;

Config parse(const std::string& text) { return parse_config(text, "m/config.json"); }
std::string config_error(const std::string& text) {
  return error_of(ErrorKind::model, [&] { parse(text); });
}
ExitPolicy policy(const std::string& text) { return parse_exit_policy(text, "m/exit_policy.json"); }
std::string policy_error(const std::string& text) {
  return error_of(ErrorKind::model, [&] { policy(text); });
}

TEST(Config, DefaultsOfAnEmptyObject) {
  const Config c = parse("{}");
  EXPECT_EQ(c.activation, Activation::gelu_erf);
  EXPECT_DOUBLE_EQ(c.layer_norm_eps, 1e-12);
  EXPECT_FALSE(c.hidden_size || c.num_hidden_layers || c.num_attention_heads || c.id2label);
  EXPECT_FALSE(c.costeff.present);
  EXPECT_EQ(c.costeff.emb_hidden_dim, -1);
  EXPECT_EQ(c.costeff.hidden_mode, "concat");
  EXPECT_EQ(c.costeff.pooling_mode, "cls");
  EXPECT_EQ(c.costeff.last_n_hidden, 1);
  EXPECT_FALSE(c.costeff.pooler_dense);
}

TEST(Config, ReadsWhatIsThere) {
  const Config c = parse(R"({"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 32, "max_position_embeddings": 20, "vocab_size": 9, "type_vocab_size": 1,
    "num_labels": 3, "id2label": {"2": "c", "0": "a", "1": "b"}, "model_type": "bert",
    "layer_norm_eps": 1e-5, "hidden_act": "relu", "pruned_heads": {"0": [1]}, "foo": [null, {}],
    "prun_hidden_size": 8, "pooler_dense": false, "hidden_mode": "avg", "last_n_hidden": 2})");
  EXPECT_EQ(c.hidden_size, 16);
  EXPECT_EQ(c.num_hidden_layers, 2);
  EXPECT_EQ(c.num_attention_heads, 4);
  EXPECT_EQ(c.intermediate_size, 32);
  EXPECT_EQ(c.max_position_embeddings, 20);
  EXPECT_EQ(c.vocab_size, 9);
  EXPECT_EQ(c.type_vocab_size, 1);
  EXPECT_EQ(c.num_labels, 3);
  EXPECT_EQ(*c.id2label, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(c.model_type, "bert");
  EXPECT_DOUBLE_EQ(c.layer_norm_eps, 1e-5);
  EXPECT_EQ(c.activation, Activation::relu);
  EXPECT_TRUE(c.pruned_heads);
  EXPECT_TRUE(c.costeff.present);
  EXPECT_EQ(c.costeff.prun_hidden_size, 8);
  EXPECT_FALSE(c.costeff.pooler_dense);
  EXPECT_EQ(c.costeff.hidden_mode, "avg");
  EXPECT_EQ(c.costeff.last_n_hidden, 2);
  const Config dense = parse(R"({"pooler_dense": true, "last_n_hidden": 0, "hidden_mode": []})");
  EXPECT_TRUE(dense.costeff.pooler_dense);
  EXPECT_EQ(dense.costeff.last_n_hidden, 1);
}

TEST(Config, DistilBertHasNamesOfItsOwn) {
  const std::string own =
      R"("dim": 40, "n_layers": 3, "n_heads": 4, "hidden_dim": 96, "activation": "relu")";
  const std::string common = R"("hidden_size": 40, "intermediate_size": 7, "hidden_act": "tanh")";
  const std::string type = R"("model_type": "distilbert")";
  const struct {
    std::string text;
    bool tensors;  // are DistilBERT's
  } rows[] = {{own, true},
              {own + "," + type, false},
              {own + "," + type + "," + common, false},
              {own + "," + common, true}};
  for (const auto& row : rows) {
    const Config c = parse_config("{" + row.text + "}", "m/config.json", row.tensors);
    EXPECT_EQ(c.hidden_size, 40) << row.text;
    EXPECT_EQ(c.num_hidden_layers, 3) << row.text;
    EXPECT_EQ(c.num_attention_heads, 4) << row.text;
    EXPECT_EQ(c.intermediate_size, 96) << row.text;
    EXPECT_EQ(c.activation, Activation::relu) << row.text;
  }
  // Aliases of transformers' DistilBertConfig, which win.
  const Config alias = parse("{" + own + "," + type + R"(, "num_attention_heads": 8,
    "num_hidden_layers": 6, "hidden_size": 48})");
  EXPECT_EQ(alias.hidden_size, 48);
  EXPECT_EQ(alias.num_hidden_layers, 6);
  EXPECT_EQ(alias.num_attention_heads, 8);
  // In other models they are unknown keys, of any type.
  for (const char* bert : {"", R"("model_type": "bert",)"}) {
    const Config c =
        parse("{" + std::string(bert) + R"("dim": "x", "n_heads": [], "n_layers": 0})");
    EXPECT_FALSE(c.hidden_size || c.num_hidden_layers || c.num_attention_heads) << bert;
  }
}

TEST(Config, ModelTypesThatAreComputed) {
  for (const char* type : {"bert", "roberta", "xlm-roberta", "camembert", "data2vec-text",
                           "distilbert", "elasticbert", "electra", "albert", "ernie"}) {
    EXPECT_EQ(parse("{\"model_type\": \"" + std::string(type) + "\"}").model_type, type);
  }
  EXPECT_EQ(parse(R"({"model_type": null})").model_type, "");
  EXPECT_EQ(parse(R"({"model_type": ""})").model_type, "");
  for (const char* type :
       {"big_bird", "xmod", "mpnet", "deberta-v2", "ernie_m", "modernbert", "gpt2", "BERT",
        "bert-generation", "roberta-prelayernorm", "xlm-roberta-xl"}) {
    // It is checked first, as the rest of the file has the keys of that architecture.
    EXPECT_EQ(config_error("{\"model_type\": \"" + std::string(type) +
                           "\", \"position_embedding_type\": \"x\", \"hidden_size\": -1}"),
              "m/config.json: model_type is \"" + std::string(type) +
                  "\", an architecture that the engine does not compute, expected one of bert, "
                  "roberta, xlm-roberta, camembert, data2vec-text, distilbert, elasticbert, "
                  "electra, albert, ernie, masked_bert");
  }
}

// The same tensors as those of a sequence classifier, with another meaning.
TEST(Config, ArchitecturesWithAnotherMeaningAreRefused) {
  for (const char* name : {"BertForTokenClassification", "RobertaForMultipleChoice",
                           "DistilBertForMultipleChoice", "MyBertForTokenClassification"}) {
    EXPECT_EQ(config_error("{\"architectures\": [\"" + std::string(name) + "\"]}"),
              "m/config.json: architectures is \"" + std::string(name) +
                  "\", expected a class for sequence classification or question answering");
  }
  for (const char* name : {"BertForSequenceClassification", "CoFiBertForSequenceClassification",
                           "BertForQuestionAnswering", "AnyModelOfMine"}) {
    EXPECT_EQ(parse("{\"architectures\": [\"" + std::string(name) + "\"]}").architecture, name);
  }
}

TEST(Config, TokenIds) {
  EXPECT_FALSE(parse("{}").pad_token_id);
  const Config c = parse(R"({"pad_token_id": 3, "bos_token_id": 5, "eos_token_id": null})");
  EXPECT_EQ(c.pad_token_id, 3);
  EXPECT_EQ(c.bos_token_id, 5);
  EXPECT_FALSE(c.eos_token_id);
  for (const char* strange : {"null", "\"1\"", "1.0", "true", "[1]"}) {
    const Config s = parse("{\"pad_token_id\": " + std::string(strange) + "}");
    EXPECT_FALSE(s.pad_token_id) << strange;
    EXPECT_EQ(s.strange_pad_token_id, strange);
  }
}

// As Python prints the values that transformers keeps from the JSON.
TEST(Config, LabelsThatAreNoStrings) {
  const struct {
    const char* json;
    std::vector<std::string> labels;
  } rows[] = {{R"({"0": false, "1": true})", {"False", "True"}},
              {R"({"0": 0, "1": -1})", {"0", "-1"}},
              {R"({"0": 0.5, "1": 1.0, "2": 1e20})", {"0.5", "1.0", "1e+20"}},
              {R"({"0": null, "1": "x"})", {"None", "x"}},
              {R"({"01": "b", " 0": "a", "+2": "c"})", {"a", "b", "c"}}};
  for (const auto& row : rows) {
    EXPECT_EQ(*parse("{\"id2label\": " + std::string(row.json) + "}").id2label, row.labels)
        << row.json;
  }
  EXPECT_EQ(config_error(R"({"id2label": {"0": "a", "00": "b"}})"),
            "m/config.json: id2label names label 0 twice, expected each number once");
  EXPECT_EQ(config_error(R"({"id2label": {"-1": "a"}})"),
            "m/config.json: id2label has 1 entries, but no \"0\"; expected the keys 0 to 0");
}

TEST(Config, ActivationNames) {
  const std::vector<std::pair<std::string, Activation>> rows = {
      {"gelu", Activation::gelu_erf},       {"gelu_new", Activation::gelu_tanh},
      {"gelu_fast", Activation::gelu_tanh}, {"gelu_pytorch_tanh", Activation::gelu_tanh},
      {"relu", Activation::relu},           {"silu", Activation::silu},
      {"swish", Activation::silu}};
  for (const auto& [name, activation] : rows) {
    EXPECT_EQ(parse("{\"hidden_act\": \"" + name + "\"}").activation, activation) << name;
  }
  EXPECT_EQ(config_error(R"({"hidden_act": "swishish"})")
                .find("m/config.json: hidden_act is \"swishish\", expected one of gelu, "),
            0u);
}

TEST(Config, ErrorsNameTheKey) {
  EXPECT_EQ(config_error(R"({"num_hidden_layers": 0})"),
            "m/config.json: num_hidden_layers is 0, expected an integer from 1 to 1000");
  EXPECT_EQ(config_error(R"({"hidden_size": 16.5})"),
            "m/config.json: hidden_size is 16.5, expected an integer from 1 to 65536");
  EXPECT_EQ(config_error(R"({"is_decoder": true})"),
            "m/config.json: is_decoder is true: causal attention, expected an encoder (false)");
  EXPECT_EQ(config_error(R"({"position_embedding_type": "relative_key"})"),
            "m/config.json: position_embedding_type is \"relative_key\", expected \"absolute\"");
  EXPECT_EQ(config_error(R"({"problem_type": "token_classification"})"),
            "m/config.json: problem_type is \"token_classification\", expected "
            "single_label_classification, multi_label_classification or regression");
  EXPECT_EQ(config_error(R"({"id2label": {"0": "a", "one": "b"}})"),
            "m/config.json: id2label has 2 entries, but no \"1\"; expected the keys 0 to 1");
  EXPECT_EQ(config_error(R"({"id2label": ["a"]})"),
            "m/config.json: id2label is [\"a\"], expected an object {\"0\": name, ...}");
  EXPECT_EQ(config_error(R"({"id2label": {"0": ["a"]}})"),
            "m/config.json: id2label: \"0\" is [\"a\"], expected a name");
  EXPECT_EQ(config_error(R"({"add_cross_attention": true})"),
            "m/config.json: add_cross_attention is true, expected an encoder by itself (false)");
  EXPECT_EQ(config_error("[1]"), "m/config.json: is [1], expected a JSON object");
  EXPECT_EQ(config_error(""), "m/config.json: is empty, expected a JSON object");
  EXPECT_EQ(config_error(R"({"hidden_act": "relu", "hidden_act": "gelu"})"),
            "m/config.json: duplicate key \"hidden_act\"");
}

TEST(ExitPolicyFile, EachPolicy) {
  const ExitPolicy e = policy(R"({"policy": "entropy", "threshold": 0.25, "exit_start": 3})");
  EXPECT_EQ(e.kind, PolicyKind::entropy);
  EXPECT_EQ(e.thresholds, std::vector<double>{0.25});
  EXPECT_EQ(e.exit_start, 3);
  const ExitPolicy p = policy(R"({"policy": "max-prob", "thresholds": [0.5, 1, 0.75]})");
  EXPECT_EQ(p.kind, PolicyKind::max_prob);
  EXPECT_EQ(p.thresholds, (std::vector<double>{0.5, 1, 0.75}));
  EXPECT_EQ(p.exit_start, 1);
  EXPECT_EQ(policy(R"({"policy": "margin", "threshold": 0})").kind, PolicyKind::margin);
  const ExitPolicy f = policy(R"({"policy": "fixed", "layer": 4})");
  EXPECT_EQ(f.kind, PolicyKind::fixed);
  EXPECT_EQ(f.layer, 4);
  EXPECT_EQ(policy(R"({"policy": "never"})").kind, PolicyKind::never);
  const ExitPolicy l =
      policy(R"({"policy": "learned", "thresholds": [0.1, 0.2], "exit_start": 2})");
  EXPECT_EQ(l.kind, PolicyKind::learned);
  EXPECT_EQ(l.thresholds, (std::vector<double>{0.1, 0.2}));
  EXPECT_EQ(l.exit_start, 2);
  const ExitPolicy n = policy(R"({"policy": "patience", "patience": 6})");
  EXPECT_EQ(n.kind, PolicyKind::patience);
  EXPECT_EQ(n.patience, 6);
  EXPECT_TRUE(n.thresholds.empty());
  const ExitPolicy r =
      policy(R"({"policy": "patience", "patience": 2, "threshold": 0.5, "exit_start": 4})");
  EXPECT_EQ(r.patience, 2);
  EXPECT_EQ(r.thresholds, std::vector<double>{0.5});
  EXPECT_EQ(r.exit_start, 4);
}

TEST(ExitPolicyFile, WritesWhatItReads) {
  for (const char* text : {R"({"policy":"entropy","threshold":0.25})",
                           R"({"exit_start":2,"policy":"max-prob","thresholds":[0.5,1.0]})",
                           R"({"policy":"margin","threshold":0.0})",
                           R"({"exit_start":3,"policy":"learned","threshold":0.1})",
                           R"({"policy":"learned","thresholds":[0.1,0.2,0.3]})",
                           R"({"patience":6,"policy":"patience"})",
                           R"({"exit_start":2,"patience":0,"policy":"patience","threshold":0.5})",
                           R"({"layer":4,"policy":"fixed"})", R"({"policy":"never"})",
                           R"({"patience":2,"policy":"confident-patience","threshold":0.25})",
                           R"({"average":true,"exit_start":2,"patience":1,)"
                           R"("policy":"confident-patience","thresholds":[0.25,0.5]})",
                           R"({"patience":3,"policy":"divergence-patience","threshold":0.5})",
                           R"({"exit_weights":[1.0],"policy":"evidence","threshold":0.5})",
                           R"({"exit_weights":[0.5,0.75,0.0],"policy":"evidence",)"
                           R"("threshold":1.5,"weights_from":"0123456789abcdef"})"}) {
    EXPECT_EQ(exit_policy_json(policy(text)).dump(), text);
  }
}

TEST(ExitPolicyFile, AbsentFileIsNone) {
  EXPECT_FALSE(read_exit_policy("/nonexistent/exit_policy.json").has_value());
}

TEST(ExitPolicyFile, Errors) {
  EXPECT_EQ(policy_error(R"({"policy": "entropy", "threshold": 1, "patience": 2})"),
            "m/exit_policy.json: policy entropy has no use for the key patience");
  EXPECT_EQ(policy_error(R"({"policy": "entropy", "treshold": 1})"),
            "m/exit_policy.json: unknown key \"treshold\", expected policy, threshold, thresholds, "
            "patience, layer, average, exit_weights, weights_from or exit_start");
  EXPECT_EQ(policy_error("{}"), "m/exit_policy.json: policy is missing");
  EXPECT_EQ(policy_error(R"({"policy": "loss"})"),
            "m/exit_policy.json: policy \"loss\" is not known, expected one of never, entropy, "
            "max-prob, margin, patience, learned, fixed, confident-patience, divergence-patience, "
            "evidence");
  EXPECT_EQ(policy_error(R"({"policy": "patience"})"),
            "m/exit_policy.json: policy patience needs the key patience");
  EXPECT_EQ(policy_error(R"({"policy": "patience", "patience": -1})"),
            "m/exit_policy.json: patience is -1, expected an integer from 0 to 1000");
  EXPECT_EQ(policy_error(R"({"policy": "patience", "patience": 1.5})"),
            "m/exit_policy.json: patience is 1.5, expected an integer from 0 to 1000");
  EXPECT_EQ(
      policy_error(R"({"policy": "patience", "patience": 1, "threshold": 1, "thresholds": [1]})"),
      "m/exit_policy.json: policy patience takes either threshold or thresholds, has both");
  EXPECT_EQ(policy_error(R"({"policy": "patience", "patience": 1, "layer": 2})"),
            "m/exit_policy.json: policy patience has no use for the key layer");
  EXPECT_EQ(policy_error(R"({"policy": "learned"})"),
            "m/exit_policy.json: policy learned needs either threshold or thresholds, has neither");
  EXPECT_EQ(policy_error(R"({"policy": "entropy"})"),
            "m/exit_policy.json: policy entropy needs either threshold or thresholds, has neither");
  EXPECT_EQ(policy_error(R"({"policy": "entropy", "threshold": 1, "thresholds": [1]})"),
            "m/exit_policy.json: policy entropy needs either threshold or thresholds, has both");
  EXPECT_EQ(policy_error(R"({"policy": "entropy", "threshold": "0.1"})"),
            "m/exit_policy.json: threshold is \"0.1\", expected a number");
  EXPECT_EQ(policy_error(R"({"policy": "entropy", "thresholds": [0.1, null]})"),
            "m/exit_policy.json: thresholds is null, expected a number");
  EXPECT_EQ(policy_error(R"({"policy": "entropy", "thresholds": []})"),
            "m/exit_policy.json: thresholds is [], expected a list of 1 to 1000 numbers");
  EXPECT_EQ(policy_error(R"({"policy": "entropy", "threshold": 1, "layer": 2})"),
            "m/exit_policy.json: policy entropy has no use for the key layer");
  EXPECT_EQ(policy_error(R"({"policy": "never", "threshold": 1})"),
            "m/exit_policy.json: policy never has no use for the key threshold");
  EXPECT_EQ(policy_error(R"({"policy": "fixed"})"),
            "m/exit_policy.json: policy fixed needs the key layer");
  EXPECT_EQ(policy_error(R"({"policy": "entropy", "threshold": 1, "exit_start": 0})"),
            "m/exit_policy.json: exit_start is 0, expected an integer from 1 to 1000");
}

TEST(ExitPolicyFile, ErrorsOfExitsInARow) {
  const struct {
    const char *text, *error;
  } cases[] = {
      {R"({"policy": "confident-patience", "threshold": 1})",
       "policy confident-patience needs the key patience"},
      {R"({"policy": "confident-patience", "patience": 2})",
       "policy confident-patience needs either threshold or thresholds, has neither"},
      {R"({"policy": "confident-patience", "threshold": 1, "patience": 0})",
       "patience is 0, expected an integer from 1 to 1000"},
      {R"({"policy": "divergence-patience", "threshold": 1, "patience": 1e9})",
       "patience is 1000000000.0, expected an integer from 1 to 1000"},
      {R"({"policy": "confident-patience", "threshold": 1, "patience": 2, "average": 1})",
       "average is 1, expected true or false"},
      {R"({"policy": "divergence-patience", "threshold": 1, "patience": 2, "average": true})",
       "policy divergence-patience has no use for the key average"},
      {R"({"policy": "evidence", "threshold": 1})",
       "policy evidence needs the key exit_weights; costeff tune --policy evidence writes it"},
      {R"({"policy": "evidence", "threshold": 1, "exit_weights": 1})",
       "exit_weights is 1, expected a list of 1 to 1000 numbers"},
      {R"({"policy": "evidence", "threshold": 1, "exit_weights": []})",
       "exit_weights is [], expected a list of 1 to 1000 numbers"},
      {R"({"policy": "evidence", "threshold": 1, "exit_weights": [0.5, "1"]})",
       "exit_weights is \"1\", expected a number"},
      {R"({"policy": "evidence", "threshold": 1, "exit_weights": [1], "patience": 2})",
       "policy evidence has no use for the key patience"},
      {R"({"policy": "evidence", "threshold": 1, "exit_weights": [1], "weights_from": "dev.tsv"})",
       "weights_from is \"dev.tsv\", expected 16 hexadecimal digits"},
      {R"({"policy": "entropy", "threshold": 1, "exit_weights": [1]})",
       "policy entropy has no use for the key exit_weights"},
      {R"({"policy": "entropy", "threshold": 1, "weights_from": "0123456789abcdef"})",
       "policy entropy has no use for the key weights_from"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(policy_error(c.text), "m/exit_policy.json: " + std::string(c.error));
}

}  // namespace
}  // namespace costeff::checkpoint
