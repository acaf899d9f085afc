// Which dialects can write a model, and that what they write reads back.

#include "checkpoint/dialects/dialect_choice.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/format.h"
#include "checkpoint/written_again.h"

namespace costeff::checkpoint {
namespace {

using model::Head;
using model::HiddenMode;
using model::Model;
using model::Pooling;

// A BERT with off-ramps after every layer, each with its own pooler [8, 8].
Model every_layer(const Shapes& s = deebert()) { return make_model(s); }

Model changed(Model m, const std::function<void(Model*)>& change) {
  change(&m);
  return m;
}

void share_pooler(Model* m) {
  for (Head& head : m->arch.heads) head.pooler = m->arch.heads.back().pooler;
}

void drop_poolers(Model* m) {
  for (Head& head : m->arch.heads) head.pooler.reset();
}

void learn(Model* m) {
  m->parameters.add(model::Role::lte, model::Part::weight,
                    m->parameters.tensor(m->arch.heads[0].classifier.weight));
  model::Linear lte{1, kH, static_cast<model::ParameterId>(m->parameters.list.size()) - 1,
                    m->arch.heads[0].classifier.bias};
  m->parameters[lte.weight].tensor.shape = {1, kH};
  lte.bias = m->parameters.add(model::Role::lte, model::Part::bias,
                               m->parameters.tensor(m->arch.heads[0].classifier.bias));
  m->parameters[lte.bias].tensor.shape = {1};
  for (Head& head : m->arch.heads) {
    if (head.layer < kL) head.lte = lte;
  }
}

// The bias of a sublayer's output is what is left of it.
void no_heads_in_2(Model* m) {
  model::Attention& a = *m->arch.layers[1].attention;
  for (model::Linear* l : {&a.query, &a.key, &a.value}) *l = {0, l->in};
  a.output = {a.output.out, 0, model::kNone, a.output.bias};
  a.heads = 0;
}

void no_neurons_in_1(Model* m) {
  model::FeedForward& f = *m->arch.layers[0].ffn;
  f.in = {0, f.in.in};
  f.out = {f.out.out, 0, model::kNone, f.out.bias};
}

Model distilbert() {
  Shapes s = distilbert_encoder();
  s.linear("pre_classifier", kH, kH);
  s.linear("classifier", kC, kH);
  return make_model(s);
}

Model factorised() {
  Shapes s = encoder("bert.", 2, 4, 5);
  s.erase("bert.embeddings.word_embeddings.");
  s.at["bert.embeddings.word_embeddings1.weight"] = {kV, 3};
  s.at["bert.embeddings.word_embeddings2.weight"] = {kH, 3};
  s.linear("classifier", kC, kH);
  return make_model(s, make_config(R"("prun_hidden_size": 4, "costeff": {"exits": [3]})", "1"));
}

Model compact() {
  Shapes s = plain_bert();
  s.erase("bert.encoder.layer.1.attention.self.");
  s.erase("bert.encoder.layer.1.attention.output.dense.");
  return make_model(s);
}

Model single(const Shapes& s) { return make_model(s); }

TEST(DialectChoice, WhatEachCannotSay) {
  const auto mean_at_2 = [](Model* m) { m->arch.heads[1].pooling = Pooling::mean; };
  const auto relu_at_1 = [](Model* m) { m->arch.heads[0].activation = model::Activation::relu; };
  const auto history_at_2 = [](Model* m) { m->arch.heads[1].last_n_hidden = 2; };
  const auto narrow_at_1 = [](Model* m) { m->arch.heads[0].pooler->out = 4; };
  const auto no_last = [](Model* m) { m->arch.heads.pop_back(); };
  const auto no_bias = [](Model* m) { m->arch.heads[1].classifier.bias = model::kNone; };
  const auto means = [](Model* m) {
    drop_poolers(m);
    for (Head& head : m->arch.heads) head.pooling = Pooling::mean;
  };
  const auto one_mean = [](Model* m) {
    drop_poolers(m);
    m->arch.heads[0].pooling = Pooling::mean;
  };
  const struct {
    const char* dialect;
    Model m;
    std::string why;
  } rows[] = {
      {"costeff", every_layer(), ""},
      {"costeff", changed(every_layer(), mean_at_2), ""},
      {"costeff", changed(every_layer(), relu_at_1), ""},
      {"costeff", changed(every_layer(), narrow_at_1), ""},
      {"costeff", changed(every_layer(), drop_poolers), ""},
      {"costeff", distilbert(), ""},
      {"costeff", factorised(), ""},
      {"costeff", compact(), ""},
      {"costeff", changed(every_layer(), history_at_2),
       "reads 2 hidden states at layer 2, and costeff's exits read one"},
      {"costeff", changed(every_layer(), learn),
       "has a learned exit at layer 1, and costeff's exits are not learned"},
      {"costeff", changed(every_layer(), share_pooler),
       "has one pooler for layers 1 and 2, and costeff's exits have their own"},
      {"costeff", changed(every_layer(), no_last), "has no exit at the last layer, 3"},
      {"costeff", changed(every_layer(), no_bias), "has no bias in the classifier at layer 2"},

      {"plain", single(plain_bert()), ""},
      {"plain", single(plain_roberta()), ""},
      {"plain", distilbert(), ""},
      {"plain", compact(), ""},
      {"plain", every_layer(),
       "has an exit at layer 1, and plain models have none before the last layer"},
      {"plain", factorised(), "has COST-EFF's encoder, and plain has no name for it; cost-eff has"},
      {"plain",
       changed(single(plain_bert()), [](Model* m) { m->arch.heads[0].pooling = Pooling::mean; }),
       "reads the mean over the tokens at layer 3, and plain's exits read the first token"},
      {"plain",
       changed(distilbert(),
               [](Model* m) { m->arch.heads[0].activation = model::Activation::tanh; }),
       "computes tanh at layer 3, and plain's exits compute relu"},

      {"deebert", every_layer(), ""},
      {"deebert", every_layer(deebert("roberta.")), ""},
      {"deebert", changed(every_layer(), mean_at_2),
       "reads the mean over the tokens at layer 2, and deebert's exits read the first token"},
      {"deebert", changed(every_layer(), relu_at_1),
       "computes relu at layer 1, and deebert's exits compute tanh"},
      {"deebert", changed(every_layer(), narrow_at_1),
       "has a pooler of [4, 8] at layer 1, and deebert's is [8, 8]"},
      {"deebert", changed(every_layer(), drop_poolers),
       "has no pooler at layer 1, and deebert's exits have one"},
      {"deebert", changed(every_layer(), share_pooler),
       "has one pooler for layers 1 and 2, and deebert's exits have their own"},
      {"deebert", changed(every_layer(), learn),
       "has a learned exit at layer 1, and deebert's exits are not learned"},
      {"deebert", distilbert(), "is a DistilBERT, and deebert is for BERT and RoBERTa"},
      {"deebert", factorised(), "has a factorised word embedding, and deebert's is one matrix"},
      {"deebert", compact(), "has no attention in layer 2, and deebert's layers have both halves"},

      {"deebert", changed(every_layer(), no_heads_in_2),
       "has no heads in layer 2, and deebert's layers have some"},
      {"cost-eff", changed(every_layer(), no_neurons_in_1),
       "has no neurons in layer 1, and cost-eff's layers have some"},
      {"costeff", changed(every_layer(), no_heads_in_2), ""},
      {"costeff", changed(every_layer(), no_neurons_in_1), ""},

      {"berxit", changed(every_layer(), learn), ""},
      {"berxit", every_layer(), "has no learned exit at layer 1, and berxit's off-ramps share one"},

      {"pabee", changed(every_layer(), share_pooler), ""},
      {"pabee", single(pabee()), ""},
      {"pabee", every_layer(), "has a pooler of its own at layer 1, and pabee's exits share one"},

      {"cost-eff", every_layer(), ""},
      {"cost-eff", factorised(), ""},
      {"cost-eff", changed(every_layer(), drop_poolers), ""},
      {"cost-eff", changed(every_layer(), means), ""},
      {"cost-eff", changed(every_layer(), one_mean),
       "reads the mean over the tokens at layer 1, and cost-eff's exits read the first token"},
      {"cost-eff", changed(every_layer(), mean_at_2),
       "reads the mean over the tokens at layer 2, and cost-eff's exits read the first token"},
      {"cost-eff",
       changed(every_layer(),
               [](Model* m) {
                 m->arch.layers[1].attention->query.out = 4;
                 m->arch.layers[1].attention->heads = 1;
               }),
       "has 1 heads in layer 2 and 2 in layer 1, and cost-eff's layers have the same"},
      {"cost-eff", compact(),
       "has no attention in layer 2, and cost-eff's layers have both halves"},

      {"elasticbert", every_layer(), ""},
      {"elasticbert", every_layer(deebert("roberta.")),
       "is a RoBERTa, and elasticbert is for BERT and ElasticBERT"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(why_not(row.dialect, row.m), row.why) << row.dialect;
    if (!row.why.empty()) continue;
    // And so it is. (Parameters of heads that were changed do not have their shapes.)
    Model m = row.m;
    const std::string before = m.provenance.dialect;
    set_dialect(&m, row.dialect);
    const Config config = make_config("", before == "cost-eff" ? "1" : "2");
    for (const Head& head : m.arch.heads) {
      if (head.pooler)
        m.parameters[head.pooler->weight].tensor.shape[0] =
            m.parameters[head.pooler->bias].tensor.shape[0] = head.pooler->out;
      if (head.pooler) m.parameters[head.classifier.weight].tensor.shape[1] = head.pooler->out;
    }
    EXPECT_EQ(why_not(row.dialect, m, &config), "");
    const Again again(m, config);
    EXPECT_EQ(exit_layers(again.model()), exit_layers(m)) << row.dialect;
    EXPECT_EQ(again.model().provenance.dialect, again.saved.dialect);
  }
}

TEST(DialectChoice, FullNames) {
  const auto name = [](Model m, const char* dialect) {
    set_dialect(&m, dialect);
    return m.provenance.dialect;
  };
  EXPECT_EQ(name(every_layer(), "costeff"), "costeff-plain-bert");
  EXPECT_EQ(name(every_layer(deebert("roberta.")), "costeff"), "costeff-plain-roberta");
  EXPECT_EQ(name(distilbert(), "costeff"), "costeff-distilbert");
  EXPECT_EQ(name(compact(), "costeff"), "costeff-cofi-compact");
  EXPECT_EQ(name(factorised(), "costeff"), "costeff-cost-eff");
  EXPECT_EQ(name(every_layer(), "deebert"), "deebert-bert");
  EXPECT_EQ(name(every_layer(deebert("roberta.")), "berxit"), "berxit-roberta");
  EXPECT_EQ(name(every_layer(), "pabee"), "pabee");
  EXPECT_EQ(name(every_layer(), "cost-eff"), "cost-eff");
  EXPECT_EQ(name(every_layer(), "elasticbert"), "elasticbert");
  EXPECT_EQ(name(single(plain_bert()), "elasticbert"), "elasticbert-static");
  EXPECT_EQ(name(single(plain_roberta()), "plain"), "plain-roberta");
  EXPECT_EQ(error_of(ErrorKind::usage, [&] { why_not("deeberd", every_layer()); }),
            "dialect \"deeberd\" is not known, expected one of costeff, plain, deebert, berxit, "
            "pabee, cost-eff, elasticbert");
}

// With config.json it is known whether hidden units are pruned.
TEST(DialectChoice, HiddenUnits) {
  const Model m = every_layer();
  const Config pruned = make_config("", "3");
  EXPECT_EQ(why_not("deebert", m, &pruned),
            "has a hidden size of 8 and heads for another one, and deebert's layers have 12");
  EXPECT_EQ(why_not("costeff", m, &pruned),
            "has a hidden size of 8 and heads for another one, and costeff's layers have 12");
}

}  // namespace
}  // namespace costeff::checkpoint
