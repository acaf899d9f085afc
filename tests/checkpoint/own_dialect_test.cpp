// costeff's own off-ramps, on every encoder.

#include <gtest/gtest.h>

#include "base/format.h"
#include "checkpoint/dialects/dialect_choice.h"
#include "checkpoint/written_again.h"

namespace costeff::checkpoint {
namespace {

using model::Activation;
using model::Pooling;
using Layers = std::vector<int64_t>;

// Exits after layer 1 (no dense layer) and 2 (dense layer of 5 rows).
const std::string kTwoEntries = own_entry(1, false) + ", " + own_entry(2, true, "first", "relu");
const std::string kTwo = own_keys(kTwoEntries);

Shapes with_two(Shapes s) {
  add_own_exit(s, 1, 0);
  add_own_exit(s, 2, 5);
  return s;
}

Shapes distilbert_classifier() {
  Shapes s = distilbert_encoder();
  s.linear("pre_classifier", kH, kH);
  s.linear("classifier", kC, kH);
  return s;
}

Shapes compact(Shapes s, const std::string& prefix) {
  s.erase(prefix + "encoder.layer.1.attention.self.");
  s.erase(prefix + "encoder.layer.1.attention.output.");
  return s;
}

// Seven of eight hidden units.
Shapes narrow() {
  Shapes s;
  for (const auto& [name, shape] : plain_bert().at) {
    std::vector<int64_t> less = shape;
    for (int64_t& n : less) n -= n == kH ? 1 : 0;
    s.at[name] = less;
  }
  for (int64_t i = 0; i < kL; ++i) {
    const std::string p = fmt::format("bert.encoder.layer.{}.attention.", i);
    for (const char* n : {"query", "key", "value"}) s.linear(p + "self." + n, kH, kH - 1);
    s.linear(p + "output.dense", kH - 1, kH);
  }
  s.linear("bert.pooler.dense", kH, kH - 1);
  s.linear("classifier", kC, kH);
  return s;
}

Shapes factorised(int64_t classifier_in) {
  Shapes s = encoder("bert.", 2, 4, 5);
  s.erase("bert.embeddings.word_embeddings.");
  s.at["bert.embeddings.word_embeddings1.weight"] = {kV, 3};
  s.at["bert.embeddings.word_embeddings2.weight"] = {kH, 3};
  s.linear("classifier", kC, classifier_in);
  return s;
}

Shapes elastic() {
  Shapes s = encoder("elasticbert.");
  s.linear("elasticbert.encoder.pooler.2.dense", kH, kH);
  s.linear("classifier", kC, kH);
  return s;
}

struct Base {
  Shapes shapes;
  std::string keys, dialect, heads = "2";
};

std::vector<Base> bases() {
  const std::string slender = R"("prun_hidden_size": 4, "emb_hidden_dim": 3)";
  return {
      {plain_bert(), "", "plain-bert"},
      {plain_bert(""), "", "plain-bert"},
      {plain_roberta(), "", "plain-roberta"},
      {plain_roberta(), "\"model_type\": \"xlm-roberta\"", "plain-xlmr"},
      {distilbert_classifier(), "\"model_type\": \"distilbert\"", "distilbert"},
      {elastic(), "", "elasticbert-static"},
      {compact(plain_bert(), "bert."), "", "cofi-compact"},
      {compact(plain_roberta(), "roberta."), "", "cofi-compact-roberta"},
      {factorised(kH), slender, "cost-eff", "1"},
      {factorised(2 * kH), slender + R"(, "last_n_hidden": 2, "pooling_mode": "avg")", "cost-eff",
       "1"},
  };
}

std::string joined(const std::string& a, const std::string& b) {
  return a.empty() ? b : a + ", " + b;
}

void expect_same_heads(const model::Model& a, const model::Model& b) {
  ASSERT_EQ(exit_layers(a), exit_layers(b));
  for (size_t i = 0; i < a.arch.heads.size(); ++i) {
    const model::Head &x = a.arch.heads[i], &y = b.arch.heads[i];
    EXPECT_EQ(x.pooling, y.pooling);
    EXPECT_EQ(x.activation, y.activation);
    EXPECT_EQ(x.last_n_hidden, y.last_n_hidden);
    ASSERT_EQ(x.pooler.has_value(), y.pooler.has_value());
    if (x.pooler) {
      EXPECT_EQ(x.pooler->out, y.pooler->out);
    }
    EXPECT_EQ(x.classifier.in, y.classifier.in);
  }
}

TEST(OwnDialect, EveryEncoderIsReadAndWritten) {
  for (const Base& base : bases()) {
    SCOPED_TRACE(base.dialect);
    const Shapes s = with_two(base.shapes);
    const Config config = make_config(joined(base.keys, kTwo), base.heads);
    const model::Model m = make_model(s, config);
    EXPECT_EQ(m.provenance.dialect, "costeff-" + base.dialect);
    EXPECT_EQ(exit_layers(m), (Layers{1, 2, 3}));
    const model::Head &one = m.arch.heads[0], &two = m.arch.heads[1];
    EXPECT_FALSE(one.pooler.has_value());
    EXPECT_EQ(one.pooling, Pooling::mean);
    EXPECT_EQ(one.activation, Activation::tanh);
    ASSERT_TRUE(two.pooler.has_value());
    EXPECT_EQ(two.pooler->out, 5);
    EXPECT_EQ(two.pooling, Pooling::first);
    EXPECT_EQ(two.activation, Activation::relu);
    EXPECT_TRUE(m.provenance.notes.empty());
    EXPECT_TRUE(m.provenance.unused.empty());

    const Again again(m, config);
    EXPECT_EQ(again.saved.dialect, m.provenance.dialect);
    EXPECT_EQ(again.saved.json["costeff_exits"], Json::parse("[" + kTwoEntries + "]"));
    const model::Model back = again.model();
    EXPECT_EQ(back.provenance.dialect, m.provenance.dialect);
    expect_same_heads(back, m);
    // transformers opens the rest: keys and tensors are those of the other dialect.
    const Config plain_config =
        make_config(joined(base.keys, R"("costeff": {"exits": [3]})"), base.heads);
    const Again plain(make_model(base.shapes, plain_config), plain_config);
    EXPECT_EQ(names_of(with_two(plain.shapes)), names_of(again.shapes));
    Json without = again.saved.json, wanted = plain.saved.json;
    for (const char* key : {"costeff", "costeff_exits"}) without.erase(key), wanted.erase(key);
    EXPECT_EQ(without, wanted);

    // Without the off-ramps it is that dialect's model.
    model::Model single = m;
    remove_head(&single, 1);
    remove_head(&single, 2);
    const Again last(single, config);
    EXPECT_FALSE(last.saved.json.contains("costeff_exits"));
    EXPECT_EQ(last.model().provenance.dialect, base.dialect);
    expect_same_heads(last.model(), single);
  }
}

TEST(OwnDialect, TheLastExitMayBeOursToo) {
  for (const Base& base : bases()) {
    SCOPED_TRACE(base.dialect);
    Shapes s = base.shapes;
    for (const char* name : {"classifier.", "pre_classifier.", "bert.pooler.", "pooler.",
                             "elasticbert.encoder.pooler."}) {
      s.erase(name);
    }
    add_own_exit(s, 1, 0);
    add_own_exit(s, 3, 5);
    const std::string entries = own_entry(1, false) + ", " + own_entry(3, true);
    const Config config = make_config(joined(base.keys, own_keys(entries)), base.heads);
    const model::Model m = make_model(s, config);
    EXPECT_EQ(m.provenance.dialect, "costeff-" + base.dialect);
    EXPECT_EQ(exit_layers(m), (Layers{1, 3}));
    const Again again(m, config);
    EXPECT_EQ(again.saved.json["costeff_exits"], Json::parse("[" + entries + "]"));
    EXPECT_FALSE(again.shapes.at.contains("classifier.weight"));
    const std::string architecture = again.saved.json["architectures"][0];
    EXPECT_TRUE(architecture.ends_with("Model")) << architecture;
    EXPECT_EQ(again.model().provenance.dialect, m.provenance.dialect);
    expect_same_heads(again.model(), m);
    // It stays ours even as the only one.
    model::Model single = m;
    remove_head(&single, 1);
    EXPECT_EQ(Again(single, config).model().provenance.dialect, m.provenance.dialect);
  }
}

// CoFi's pooler has as many rows as the unpruned model has units; another one is ours.
TEST(OwnDialect, OnPrunedHiddenUnits) {
  Shapes s = narrow();
  s.linear("costeff_exits.2.classifier", kC, kH - 1);
  const Config config = make_config(own_keys(own_entry(2, false)));
  model::Model m = make_model(s, config);
  ASSERT_EQ(m.provenance.dialect, "costeff-cofi-compact");
  EXPECT_TRUE(base_can_say(m, m.arch.heads.back(), &config));
  EXPECT_EQ(Again(m, config).saved.json["costeff_exits"].size(), 1u);
  s.linear("costeff_exits.3.dense", kH - 1, kH - 1);
  s.linear("costeff_exits.3.classifier", kC, kH - 1);
  s.erase("classifier.");
  s.erase("bert.pooler.");
  const std::string keys = own_keys(own_entry(2, false) + ", " + own_entry(3, true, "first"));
  EXPECT_EQ(build_error(s, make_config(keys)),
            "m/config.json: hidden_size is 8, the tensors have 7 "
            "(bert.embeddings.word_embeddings.weight [11, 7])");
  const Config ours = make_config(joined(keys, R"("costeff": {"attention_sizes": [8, 8, 8]})"));
  m = make_model(s, ours);
  ASSERT_EQ(m.provenance.dialect, "costeff-cofi-compact");
  EXPECT_FALSE(base_can_say(m, m.arch.heads.back(), &ours));
  const Again again(m, ours);
  EXPECT_EQ(again.saved.json["costeff_exits"].size(), 2u);
  EXPECT_EQ(again.model().provenance.dialect, "costeff-cofi-compact");
  EXPECT_EQ(again.model().arch.head_size, m.arch.head_size);
}

// As training writes it: heads added to a model that was read, and the dialect set.
TEST(OwnDialect, HeadsAddedToAModel) {
  model::Model m = make_model(plain_bert());
  model::Head ramp = m.arch.heads.back();
  ramp.layer = 2;
  ramp.pooling = Pooling::mean;
  for (model::Linear* l : {&*ramp.pooler, &ramp.classifier}) {
    l->weight =
        m.parameters.add(model::Role::pooler, model::Part::weight, m.parameters.tensor(l->weight));
    l->bias =
        m.parameters.add(model::Role::pooler, model::Part::bias, m.parameters.tensor(l->bias));
  }
  m.arch.heads.insert(m.arch.heads.begin(), ramp);
  EXPECT_EQ(why_not("costeff", m), "");
  set_dialect(&m, "costeff");
  EXPECT_EQ(m.provenance.dialect, "costeff-plain-bert");
  const Again again(m, make_config());
  Shapes expected = plain_bert();
  add_own_exit(expected, 2, kH);
  EXPECT_EQ(names_of(again.shapes), names_of(expected));
  EXPECT_EQ(again.saved.json["architectures"], Json{"BertForSequenceClassification"});
  expect_same_heads(again.model(), m);
  // A final exit that BERT cannot say is ours.
  m.arch.heads.back().pooling = Pooling::mean;
  const Again mean(m, make_config());
  EXPECT_TRUE(mean.shapes.at.contains("costeff_exits.3.dense.weight"));
  EXPECT_FALSE(mean.shapes.at.contains("bert.pooler.dense.weight"));
  EXPECT_EQ(mean.saved.json["architectures"], Json{"BertModel"});
  expect_same_heads(mean.model(), m);
}

TEST(OwnDialect, EveryTensorIsChecked) {
  for (const Base& base : bases()) {
    SCOPED_TRACE(base.dialect);
    expect_all_checked(with_two(base.shapes), make_config(joined(base.keys, kTwo), base.heads));
  }
}

TEST(OwnDialect, WrongTensors) {
  const Shapes good = with_two(plain_bert());
  const auto with = [](Shapes s, const std::string& name, int64_t out, int64_t in) {
    s.linear(name, out, in);
    return s;
  };
  Shapes other_labels = good, questions = encoder("bert."), dense = good;
  add_own_exit(other_labels, 2, 5, 3);
  questions.linear("qa_outputs", 2, kH);
  dense.linear("costeff_exits.1.dense", 4, kH);
  const std::string three = own_keys(kTwoEntries + ", " + own_entry(3, false));
  const std::string four = own_keys(own_entry(1, false) + ", " + own_entry(4, false));
  const struct {
    Shapes shapes;
    std::string keys, error;
  } rows[] = {
      {good, "",
       "m/config.json: costeff_exits is missing, but m/model.safetensors has tensors "
       "costeff_exits.*, expected a list of them"},
      {plain_bert(), kTwo,
       "m/config.json: costeff_exits lists 2 exits, but m/model.safetensors has no tensor "
       "costeff_exits.*"},
      {good, own_keys(own_entry(1, false)),
       "m/model.safetensors: tensor costeff_exits.2.classifier.bias: belongs to no exit in "
       "costeff_exits of m/config.json"},
      {dense, kTwo,
       "m/model.safetensors: tensor costeff_exits.1.dense.bias: belongs to no exit in "
       "costeff_exits "
       "of m/config.json"},
      {with(good, "costeff_exits.02.classifier", kC, kH), kTwo,
       "m/model.safetensors: tensor costeff_exits.02.classifier.bias: belongs to no exit in "
       "costeff_exits of m/config.json"},
      {with(good, "costeff_exits.2.lte", 1, 5), kTwo,
       "m/model.safetensors: tensor costeff_exits.2.lte.bias: belongs to no exit in costeff_exits "
       "of m/config.json"},
      {good, own_keys(own_entry(1, true) + ", " + own_entry(2, true)),
       "m/model.safetensors: tensor costeff_exits.1.dense.weight: is missing, expected shape [R, "
       "8]"},
      {good, own_keys(own_entry(1, false) + ", " + own_entry(2, false)),
       "m/model.safetensors: tensor costeff_exits.2.classifier.weight: shape [2, 5], expected [2, "
       "8]"},
      {other_labels, kTwo,
       "m/model.safetensors: tensor costeff_exits.2.classifier.weight: shape [3, 5], expected [2, "
       "5] (as many rows as the final classifier)"},
      {good, four,
       "m/config.json: costeff_exits has an exit at layer 4, m/model.safetensors holds 3 layers"},
      {good, three,
       "m/model.safetensors: has tensors classifier.*, but costeff_exits of m/config.json has an "
       "exit at the last layer, 3; expected one of them"},
      {with_two(encoder("bert.")), kTwo,
       "m/model.safetensors: tensor classifier.weight: is missing, expected shape [labels, "
       "inputs]"},
      {with_two(questions), kTwo,
       "m/model.safetensors: has tensors qa_outputs.* beside costeff_exits.*, expected a "
       "classifier "
       "of texts"},
      {with_two(deebert()), kTwo,
       "m/model.safetensors: has tensors bert.encoder.highway.* of another dialect's exits beside "
       "costeff_exits.*, expected one kind"},
      {with(good, "bert.encoder.lte_classifier", 1, kH), kTwo,
       "m/model.safetensors: has tensors bert.encoder.lte_classifier.* of another dialect's exits "
       "beside costeff_exits.*, expected one kind"},
      {with_two(pabee()), kTwo,
       "m/model.safetensors: has tensors classifiers.* of another dialect's exits beside "
       "costeff_exits.*, expected one kind"},
      {good, joined(kTwo, "\"costeff\": {\"exits\": [2, 3]}"),
       "m/config.json: costeff: exits is [2, 3], m/model.safetensors holds a model of "
       "costeff-plain-bert with exits at layers [1, 2, 3]"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(build_error(row.shapes, make_config(row.keys)), row.error);
    // --ignore-unused is about what the engine does not know, and it knows these.
    EXPECT_EQ(
        error_of(ErrorKind::model,
                 [&] { build_model(make_set(row.shapes), make_config(row.keys), nullptr, true); }),
        row.error);
  }
  Shapes masks;
  masks.at["hidden_z"] = {kH};
  const TensorSet z = make_set(masks, "m/zs.pt");
  EXPECT_EQ(
      error_of(ErrorKind::model, [&] { build_model(make_set(good), make_config(kTwo), &z); }),
      "m/zs.pt: CoFi's masks beside costeff_exits of m/config.json, expected a model they are "
      "folded into");
}

TEST(OwnDialect, WrongEntries) {
  const std::string place = "m/config.json: costeff_exits";
  const std::string names = "tanh, relu, gelu, gelu_new, silu, none";
  const auto entry = [](const std::string& more) {
    return R"({"layer": 1, "pooling": "mean", "dense": false)" + more + "}";
  };
  const struct {
    std::string list, error;
  } rows[] = {
      {"null", " is null, expected a list of 1 to 1000 exits"},
      {"{}", " is {}, expected a list of 1 to 1000 exits"},
      {"[]", " is [], expected a list of 1 to 1000 exits"},
      {"[3]", "[0] is 3, expected an object"},
      {"[" + entry("") + "]", "[0]: activation is missing"},
      {R"([{"layer": 1}])", "[0]: pooling is missing"},
      {"[" + entry(R"(, "activation": "tanh", "lte": true)") + "]",
       "[0]: \"lte\" is not known, expected the keys layer, pooling, dense and activation"},
      {"[" + entry(R"(, "activation": "softmax")") + "]",
       "[0]: activation is \"softmax\", expected one of " + names},
      {"[" + entry(R"(, "activation": null)") + "]",
       "[0]: activation is null, expected one of " + names},
      {"[" + own_entry(1, false, "tokens") + "]",
       "[0]: pooling is \"tokens\", expected one of first, mean"},
      {R"([{"layer": 1, "pooling": "mean", "dense": 1, "activation": "tanh"}])",
       "[0]: dense is 1, expected true or false"},
      {"[" + own_entry(0, false) + "]", "[0]: layer is 0, expected an integer from 1 to 1000"},
      {"[" + own_entry(1, false) + ", " + own_entry(1, true) + "]",
       "[1]: layer is 1 after 1, expected ascending layers, each once"},
      {"[" + own_entry(2, false) + ", " + own_entry(1, false) + "]",
       "[1]: layer is 1 after 2, expected ascending layers, each once"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_of(ErrorKind::model, [&] { make_config("\"costeff_exits\": " + row.list); }),
              place + row.error);
  }
}

}  // namespace
}  // namespace costeff::checkpoint
