#include "checkpoint/dialects/dialect_choice.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/fail.h"
#include "base/names.h"
#include "checkpoint/dialects/dialects.h"

namespace costeff::checkpoint {
namespace {

using model::Family;
using model::Head;
using model::Model;
using model::Pooling;

struct Subject {
  const Model& m;
  const Config* config;     // or null
  std::string_view writer;  // as messages call it: "deebert"
};

// A phrase that says what the writer cannot say, or "".
using Check = std::string (*)(const Subject& s);

int64_t attention_size(const model::Layer& layer) {
  return layer.attention ? layer.attention->query.out : 0;
}

// Whether both sublayers do.
bool has_units(const model::Layer& layer) {
  return attention_size(layer) > 0 && layer.ffn && layer.ffn->in.out > 0;
}

// hidden_size of the unpruned model, as name_model writes it. 0: unknown, but not H.
int64_t whole_hidden_size(const Subject& s) {
  const model::Architecture& a = s.m.arch;
  if (s.config) return a.head_size * s.config->heads();
  const std::string base = base_dialect(s.m);
  if (base.starts_with("cofi")) return 0;
  if (base != "cost-eff") return a.hidden_size;
  return attention_size(a.layers.front()) == a.hidden_size ? a.hidden_size : 0;
}

// ---- encoders

constexpr std::array<Name<Family>, 7> kFamilyTexts{{{"a BERT", Family::bert},
                                                    {"a RoBERTa", Family::roberta},
                                                    {"an ElasticBERT", Family::elasticbert},
                                                    {"a DistilBERT", Family::distilbert},
                                                    {"an ELECTRA", Family::electra},
                                                    {"an ALBERT", Family::albert},
                                                    {"an ERNIE", Family::ernie}}};

std::string_view family_text(Family family) { return name_of_value(kFamilyTexts, family); }

std::string bert_or_roberta(const Subject& s) {
  const Family f = s.m.arch.family;
  if (f == Family::bert || f == Family::roberta) return "";
  return fmt::format("is {}, and {} is for BERT and RoBERTa", family_text(f), s.writer);
}

std::string bert_roberta_or_albert(const Subject& s) {
  const Family f = s.m.arch.family;
  if (f == Family::bert || f == Family::roberta || f == Family::albert) return "";
  return fmt::format("is {}, and {} is for BERT, RoBERTa and ALBERT", family_text(f), s.writer);
}

std::string bert_or_elasticbert(const Subject& s) {
  const Family f = s.m.arch.family;
  if (f == Family::bert || f == Family::elasticbert) return "";
  return fmt::format("is {}, and {} is for BERT and ElasticBERT", family_text(f), s.writer);
}

std::string complete_layers(const Subject& s) {
  const std::vector<model::Layer>& layers = s.m.arch.layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (has_units(layers[i])) continue;
    if (layers[i].attention && layers[i].ffn) {
      return fmt::format("has no {} in layer {}, and {}'s layers have some",
                         layers[i].attention->heads > 0 ? "neurons" : "heads", i + 1, s.writer);
    }
    return fmt::format("has no {} in layer {}, and {}'s layers have both halves",
                       layers[i].attention ? "feed-forward" : "attention", i + 1, s.writer);
  }
  return "";
}

std::string whole_encoder(const Subject& s) {
  if (s.m.arch.embeddings.word_up) {
    return fmt::format("has a factorised word embedding, and {}'s is one matrix", s.writer);
  }
  if (std::string fault = complete_layers(s); !fault.empty()) return fault;
  const int64_t whole = whole_hidden_size(s);
  if (whole == s.m.arch.hidden_size) return "";
  return fmt::format("has a hidden size of {} and heads for another one, and {}'s layers have {}",
                     s.m.arch.hidden_size, s.writer,
                     whole ? fmt::format("{}", whole) : "the same for both");
}

std::string layers_alike(const Subject& s) {
  if (std::string fault = complete_layers(s); !fault.empty()) return fault;
  const std::vector<model::Layer>& layers = s.m.arch.layers;
  for (size_t i = 1; i < layers.size(); ++i) {
    if (attention_size(layers[i]) == attention_size(layers[0])) continue;
    return fmt::format("has {} heads in layer {} and {} in layer 1, and {}'s layers have the same",
                       layers[i].attention->heads, i + 1, layers[0].attention->heads, s.writer);
  }
  return "";
}

// The encoder in the form of base_dialect().
std::string base_encoder(const Subject& s) {
  const std::string base = base_dialect(s.m);
  if (base == "cost-eff") return layers_alike(s);
  return base.starts_with("cofi") ? "" : whole_encoder(s);
}

std::string base_is_not_slender(const Subject& s) {
  if (base_dialect(s.m) != "cost-eff") return "";
  return fmt::format("has COST-EFF's encoder, and {} has no name for it; cost-eff has", s.writer);
}

// ---- one exit

const char* reading(Pooling pooling) {
  return pooling == Pooling::first  ? "the first token"
         : pooling == Pooling::mean ? "the mean over the tokens"
                                    : "every token";
}

std::string after_layer(const Head& head) { return fmt::format(" at layer {}", head.layer); }

std::string reads_other(const Subject& s, const Head& head, Pooling expected) {
  return fmt::format("reads {}{}, and {}'s exits read {}", reading(head.pooling), after_layer(head),
                     s.writer, reading(expected));
}

std::string reads_history(const Subject& s, const Head& head) {
  return fmt::format("reads {} hidden states{}, and {}'s exits read one", head.last_n_hidden,
                     after_layer(head), s.writer);
}

std::string computes_other(const Subject& s, const Head& head, model::Activation expected) {
  return fmt::format("computes {}{}, and {}'s exits compute {}",
                     model::activation_name(head.activation), after_layer(head), s.writer,
                     model::activation_name(expected));
}

std::string has_learned_exit(const Subject& s, const Head& head) {
  return fmt::format("has a learned exit{}, and {}'s exits are not learned", after_layer(head),
                     s.writer);
}

// First token, pooler [rows, H], activation, classifier. rows 0: H or more.
std::string bert_exit(const Subject& s, const Head& head, int64_t rows,
                      model::Activation activation) {
  const int64_t h = s.m.arch.hidden_size;
  if (head.pooling != Pooling::first) return reads_other(s, head, Pooling::first);
  if (head.last_n_hidden != 1) return reads_history(s, head);
  if (!head.pooler) {
    return fmt::format("has no pooler{}, and {}'s exits have one", after_layer(head), s.writer);
  }
  const int64_t out = head.pooler->out;
  if (head.pooler->in != h || (rows ? out != rows : out < h)) {
    return fmt::format("has a pooler of [{}, {}]{}, and {}'s is [{}, {}]", out, head.pooler->in,
                       after_layer(head), s.writer, rows ? rows : h, h);
  }
  return head.activation == activation ? "" : computes_other(s, head, activation);
}

// Without a pooler: COST-EFF's exits all read as `like` does, the last one.
std::string costeff_exit(const Subject& s, const Head& head, const Head& like) {
  constexpr auto kTanh = model::Activation::tanh;
  if (like.pooler) return bert_exit(s, head, s.m.arch.hidden_size, kTanh);
  if (head.pooler) {
    return fmt::format("has a pooler{} and none at layer {}, and {}'s exits are alike",
                       after_layer(head), like.layer, s.writer);
  }
  if (head.pooling == Pooling::tokens) return reads_other(s, head, Pooling::first);
  if (head.pooling != like.pooling) return reads_other(s, head, like.pooling);
  const int64_t states = std::min(like.last_n_hidden, head.layer + 1);
  if (head.last_n_hidden != states || head.hidden_mode != like.hidden_mode) {
    return fmt::format("reads {} hidden states{} and {} at layer {}, and {}'s exits are alike",
                       head.last_n_hidden, after_layer(head), like.last_n_hidden, like.layer,
                       s.writer);
  }
  return head.activation == kTanh ? "" : computes_other(s, head, kTanh);
}

// An exit in the form of base_dialect().
std::string base_exit(const Subject& s, const Head& head) {
  if (head.lte) return has_learned_exit(s, head);
  const std::string base = base_dialect(s.m);
  if (base == "cost-eff") return costeff_exit(s, head, head);
  const int64_t rows = base.starts_with("cofi") ? whole_hidden_size(s) : s.m.arch.hidden_size;
  return bert_exit(s, head, rows, activation_after_pooler(s.m.arch.family));
}

// An exit in costeff_exits.
std::string own_exit(const Subject& s, const Head& head) {
  if (head.lte) return has_learned_exit(s, head);
  if (head.pooling == Pooling::tokens) return reads_other(s, head, Pooling::first);
  return head.last_n_hidden == 1 ? "" : reads_history(s, head);
}

// ---- all exits

template <typename F>
std::string first_fault(const Subject& s, F f) {
  for (const Head& head : s.m.arch.heads) {
    if (std::string fault = f(head); !fault.empty()) return fault;
  }
  return "";
}

std::string can_be_written_at_all(const Subject& s) {
  const std::vector<Head>& heads = s.m.arch.heads;
  const size_t last = s.m.arch.layers.size();
  if (heads.empty() || heads.back().layer != static_cast<int64_t>(last)) {
    return fmt::format("has no exit at the last layer, {}", last);
  }
  return first_fault(s, [](const Head& head) -> std::string {
    const bool pooler = head.pooler && head.pooler->bias == model::kNone;
    if (!pooler && head.classifier.bias != model::kNone) return "";
    return fmt::format("has no bias in the {}{}", pooler ? "pooler" : "classifier",
                       after_layer(head));
  });
}

std::string bert_exits(const Subject& s) {
  return first_fault(s, [&](const Head& head) {
    return bert_exit(s, head, s.m.arch.hidden_size, model::Activation::tanh);
  });
}

std::string costeff_exits(const Subject& s) {
  return first_fault(
      s, [&](const Head& head) { return costeff_exit(s, head, s.m.arch.heads.back()); });
}

std::string own_exits(const Subject& s) {
  return first_fault(s, [&](const Head& head) {
    const bool in_base = &head == &s.m.arch.heads.back() && base_exit(s, head).empty();
    return in_base ? "" : own_exit(s, head);
  });
}

std::string one_exit_in_base_form(const Subject& s) {
  const std::vector<Head>& heads = s.m.arch.heads;
  if (heads.size() > 1) {
    return fmt::format("has an exit{}, and {} models have none before the last layer",
                       after_layer(heads.front()), s.writer);
  }
  return s.m.arch.question_answering ? "" : base_exit(s, heads.back());
}

std::string poolers_of_their_own(const Subject& s) {
  const std::vector<Head>& heads = s.m.arch.heads;
  for (size_t i = 0; i < heads.size(); ++i) {
    for (size_t j = 0; heads[i].pooler && j < i; ++j) {
      if (!heads[j].pooler || heads[j].pooler->weight != heads[i].pooler->weight) continue;
      return fmt::format("has one pooler for layers {} and {}, and {}'s exits have their own",
                         heads[j].layer, heads[i].layer, s.writer);
    }
  }
  return "";
}

std::string one_pooler(const Subject& s) {
  const Head& last = s.m.arch.heads.back();
  return first_fault(s, [&](const Head& head) -> std::string {
    if (head.pooler->weight == last.pooler->weight) return "";
    return fmt::format("has a pooler of its own{}, and {}'s exits share one", after_layer(head),
                       s.writer);
  });
}

// Where ALBERT's blocks are several layers, PABEE's classifiers are after blocks.
std::string after_blocks(const Subject& s) {
  if (s.m.arch.family != Family::albert) return "";
  const int64_t inner = s.config ? s.config->inner_group_num.value_or(1) : 1;
  const auto layout = albert_layout_of(s.m.arch, inner);
  return first_fault(s, [&](const Head& head) -> std::string {
    if (layout && head.layer % layout->inner == 0) return "";
    return fmt::format("has an exit{}, inside a group of layers, and {}'s exits follow groups",
                       after_layer(head), s.writer);
  });
}

std::string nothing_learned(const Subject& s) {
  return first_fault(
      s, [&](const Head& head) { return head.lte ? has_learned_exit(s, head) : std::string(); });
}

std::string one_learned_exit(const Subject& s) {
  const std::vector<Head>& heads = s.m.arch.heads;
  const auto& lte = heads.front().lte;
  for (size_t i = 0; i + 1 < heads.size(); ++i) {
    const auto& own = heads[i].lte;
    if (own && lte && own->weight == lte->weight && own->in == s.m.arch.hidden_size) continue;
    return fmt::format("has {} learned exit{}, and {}'s off-ramps share one",
                       own ? "another" : "no", after_layer(heads[i]), s.writer);
  }
  return "";
}

// ---- the table

struct Choice {
  std::string_view name;
  std::array<Check, 6> checks;  // null: no more
};

constexpr std::array<Choice, 7> kChoices{{
    {"costeff", {base_encoder, own_exits, poolers_of_their_own}},
    {"plain", {base_is_not_slender, base_encoder, one_exit_in_base_form}},
    {"deebert",
     {bert_or_roberta, whole_encoder, bert_exits, poolers_of_their_own, nothing_learned}},
    {"berxit",
     {bert_or_roberta, whole_encoder, bert_exits, poolers_of_their_own, one_learned_exit}},
    {"pabee",
     {bert_roberta_or_albert, whole_encoder, bert_exits, one_pooler, nothing_learned,
      after_blocks}},
    {"cost-eff",
     {bert_or_roberta, layers_alike, costeff_exits, poolers_of_their_own, nothing_learned}},
    {"elasticbert",
     {bert_or_elasticbert, whole_encoder, bert_exits, poolers_of_their_own, nothing_learned}},
}};

const Choice& find_choice(const std::string& dialect) {
  if (const Choice* row = find_named(kChoices, dialect)) return *row;
  throw_unknown_name("dialect", dialect, dialect_choices());
}

}  // namespace

std::string dialect_choices() { return listed_names(kChoices); }

std::string base_dialect(const Model& m) {
  std::string_view have = m.provenance.dialect;
  if (have.starts_with("costeff-")) have.remove_prefix(std::string_view("costeff-").size());
  switch (m.arch.family) {
    case Family::distilbert:
      return "distilbert";
    case Family::elasticbert:
      return "elasticbert-static";
    case Family::albert:
      return "plain-albert";
    case Family::bert:
    case Family::roberta:
    case Family::electra:
    case Family::ernie:
      break;
  }
  if (m.arch.embeddings.word_up || have == "cost-eff") return "cost-eff";
  const bool halves = std::any_of(m.arch.layers.begin(), m.arch.layers.end(),
                                  [](const model::Layer& l) { return !has_units(l); });
  if (halves || have.starts_with("cofi")) return compact_name(m.arch.family);
  return have == "plain-xlmr" ? "plain-xlmr" : plain_name(m.arch.family, "");
}

bool base_can_say(const Model& m, const Head& head, const Config* config) {
  return base_exit({m, config, base_dialect(m)}, head).empty();
}

std::string why_not(const std::string& dialect, const Model& m, const Config* config) {
  const Choice& choice = find_choice(dialect);
  const Subject s{m, config, choice.name};
  std::string fault = can_be_written_at_all(s);
  for (const Check check : choice.checks) {
    if (fault.empty() && check) fault = check(s);
  }
  return fault;
}

void set_dialect(Model* m, const std::string& dialect) {
  const std::string_view name = find_choice(dialect).name;
  const std::string base = base_dialect(*m);
  const char* family = m->arch.family == Family::roberta ? "roberta" : "bert";
  std::string& full = m->provenance.dialect;
  if (name == "costeff") {
    full = "costeff-" + base;
  } else if (name == "plain") {
    full = base + (m->arch.question_answering ? "-qa" : "");
  } else if (name == "deebert" || name == "berxit") {
    full = fmt::format("{}-{}", name, family);
  } else if (name == "elasticbert" && m->arch.heads.size() == 1) {
    full = "elasticbert-static";
  } else {
    full = name;
  }
}

}  // namespace costeff::checkpoint
