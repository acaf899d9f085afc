#include "train/session/new_exits.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <set>
#include <utility>

#include "base/fail.h"
#include "base/split_mix.h"
#include "checkpoint/dialects/dialects.h"

namespace costeff::train {
namespace {

using model::Activation;
using model::Family;
using model::Pooling;

// How an exit reads the hidden states.
struct Form {
  Pooling pooling = Pooling::first;
  bool dense = true;
  Activation activation = Activation::tanh;
  bool drops_input = false;      // RoBERTa's classifier
  std::optional<float> dropout;  // DistilBERT's
};

constexpr double kInitialDeviation = 0.02;
constexpr const char* kNewExits = "new exits";

// The last exit of transformers' classifier of the family.
Form family_form(Family family, const checkpoint::Config& config) {
  Form f;
  f.activation = checkpoint::activation_after_pooler(family);
  if (family == Family::distilbert) f.dropout = config.seq_classif_dropout;
  if (family == Family::albert) f.dropout = config.classifier_dropout_prob;
  f.drops_input = checkpoint::has_roberta_head(family);
  return f;
}

Form form_of(const ExitWishes& wishes, const checkpoint::Backbone& b, bool is_last) {
  Form f;
  const bool as_family = wishes.dialect == "plain" || (wishes.dialect == "costeff" && is_last &&
                                                       wishes.pooling == Pooling::first);
  if (as_family) f = family_form(b.model.arch.family, b.config);
  f.pooling = wishes.pooling;
  if (wishes.dialect == "cost-eff") f.dense = false;
  return f;
}

bool has_form(const model::Head& head, const Form& f, int64_t hidden) {
  return head.pooling == f.pooling && head.last_n_hidden == 1 &&
         head.pooler.has_value() == f.dense && (!f.dense || head.pooler->out == hidden) &&
         head.activation == f.activation;
}

bool labels_fit(const model::Model& m, const ExitWishes& w) {
  if (m.arch.heads.empty() || m.arch.problem != w.problem) return false;
  if (is_regression(w)) return true;
  const auto& have = m.provenance.labels;
  return have.size() == w.labels.size() &&
         (have == w.labels || model::are_unnamed(have) || model::are_unnamed(w.labels));
}

// Makes weights for a model.
class Maker {
 public:
  Maker(model::Model* m, uint64_t seed) : m_(*m), state_(mix_bits(seed)) {}

  model::Linear linear(model::Role role, const std::string& name, int64_t out, int64_t in) {
    model::Linear l{out, in};
    std::span<float> weight, bias;
    l.weight = model::new_parameter(&m_.parameters, role, model::Part::weight, kNewExits,
                                    name + ".weight", {out, in}, &weight);
    l.bias = model::new_parameter(&m_.parameters, role, model::Part::bias, kNewExits,
                                  name + ".bias", {out}, &bias);
    for (float& v : weight) v = static_cast<float>(kInitialDeviation * normal());
    return l;
  }
  model::Linear copy(const model::Linear& from, const std::string& name) {
    model::Linear l = from;
    l.weight = copy(from.weight, name + ".weight");
    if (from.bias != model::kNone) l.bias = copy(from.bias, name + ".bias");
    return l;
  }

 private:
  model::ParameterId copy(model::ParameterId from, const std::string& name) {
    const model::Parameter& p = m_.parameters[from];
    Tensor t = p.tensor;
    t.name = name;
    return m_.parameters.add(model::Role::pooler, p.part, std::move(t));
  }
  double uniform() { return (static_cast<double>(split_mix(&state_) >> 11) + 0.5) * 0x1p-53; }
  double normal() {  // Box and Muller's
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

  model::Model& m_;
  uint64_t state_;
};

// The pooler that others begin as copies of: pretrained, or that of the last exit.
std::optional<model::Linear> first_pooler(const checkpoint::Backbone& b) {
  const model::Architecture& arch = b.model.arch;
  std::optional<model::Linear> pooler = b.pooler;
  if (!pooler && !arch.heads.empty()) {
    const model::Head& last = arch.heads.back();
    if (last.pooling == Pooling::first && last.activation == Activation::tanh) pooler = last.pooler;
  }
  if (pooler && (pooler->out != arch.hidden_size || pooler->in != arch.hidden_size)) pooler.reset();
  return pooler;
}

model::Head make_head(Maker* maker, const Form& f, const std::optional<model::Linear>& from,
                      int64_t layer, int64_t hidden, int64_t labels) {
  const std::string name = fmt::format("exits.{}", layer);
  model::Head head;
  head.layer = layer;
  head.pooling = f.pooling;
  head.activation = f.activation;
  head.drops_input = f.drops_input;
  head.dropout = f.dropout;
  if (f.dense) {
    const bool fits = from && f.pooling == Pooling::first && f.activation == Activation::tanh;
    head.pooler = fits ? maker->copy(*from, name + ".pooler")
                       : maker->linear(model::Role::pooler, name + ".pooler", hidden, hidden);
  }
  head.classifier = maker->linear(model::Role::classifier, name + ".classifier", labels,
                                  head.pooler ? head.pooler->out : hidden);
  return head;
}

bool is_family_of(const std::string& full, const std::string& dialect) {
  return full == dialect || full.starts_with(dialect + "-");
}

// Exits that share a pooler with a later one get a copy. Returns whether there were any.
bool give_own_poolers(Maker* maker, std::vector<model::Head>* heads) {
  bool any = false;
  for (size_t i = 0; i < heads->size(); ++i) {
    model::Head& head = (*heads)[i];
    const bool shares =
        head.pooler && std::any_of(heads->begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                   heads->end(), [&](const model::Head& later) {
                                     return later.pooler &&
                                            later.pooler->weight == head.pooler->weight;
                                   });
    if (!shares) continue;
    head.pooler = maker->copy(*head.pooler, fmt::format("exits.{}.pooler", head.layer));
    any = true;
  }
  return any;
}

}  // namespace

std::vector<std::string> give_exits(checkpoint::Backbone* b, const ExitWishes& w) {
  model::Model& m = b->model;
  model::Architecture& arch = m.arch;
  const auto layers = static_cast<int64_t>(arch.layers.size());
  const int64_t hidden = arch.hidden_size;
  const bool fit = labels_fit(m, w);
  const int64_t labels = is_regression(w) ? 1 : static_cast<int64_t>(w.labels.size());
  std::vector<std::string> notes;
  if (w.must_keep && !fit) {
    if (arch.heads.empty())
      fail_usage(
          "this backbone has no classifier, expected a fine-tuned one; another recipe "
          "(--recipe deebert, joint, ...) trains one");
    fail_usage(
        "this backbone's classifier does not have these labels, expected a fine-tuned one "
        "for this task; another recipe (--recipe deebert, joint, ...) trains one");
  }
  Maker maker(&m, w.seed);
  const std::optional<model::Linear> from = first_pooler(*b);
  std::vector<model::Head> heads;
  std::set<model::ParameterId> kept_poolers;
  int64_t kept = 0;
  const bool same_dialect = is_family_of(m.provenance.dialect, w.dialect);
  const auto keep = [&](int64_t layer) -> const model::Head* {
    if (!fit) return nullptr;
    for (const model::Head& head : arch.heads) {
      if (head.layer != layer) continue;
      const bool is_last = layer == layers;
      if (is_last && w.any_last) return &head;
      if (!is_last && w.must_keep) return nullptr;  // off-ramps are made anew
      const bool right = same_dialect || has_form(head, form_of(w, *b, is_last), hidden);
      return right ? &head : nullptr;
    }
    return nullptr;
  };
  std::vector<int64_t> wanted = w.layers;
  wanted.push_back(layers);
  for (const int64_t layer : wanted) {
    if (const model::Head* head = keep(layer)) {
      heads.push_back(*head);
      if (head->pooler) kept_poolers.insert(head->pooler->weight);
      ++kept;
    } else {
      const Form form = form_of(w, *b, layer == layers);
      heads.push_back(make_head(&maker, form, from, layer, hidden, labels));
    }
  }
  const auto made = static_cast<int64_t>(heads.size()) - kept;
  if (w.dialect == "pabee") {
    if (heads.back().pooler) kept_poolers.erase(heads.back().pooler->weight);
    if (!kept_poolers.empty())
      notes.emplace_back("the exits' own poolers are replaced by a shared one (pabee's form)");
    for (model::Head& head : heads) head.pooler = heads.back().pooler;
  } else if (give_own_poolers(&maker, &heads)) {
    notes.emplace_back(
        "the backbone's exits share a pooler; here each has one, a copy to begin with");
  }
  if (w.dialect != "berxit" && heads.front().lte) {
    for (model::Head& head : heads) head.lte.reset();
    notes.emplace_back(
        "the backbone's learned exits are left out: this recipe does not train them");
  }
  if (w.dialect == "berxit" && heads.size() > 1) {
    std::optional<model::Linear> lte = heads.front().lte;
    if (!lte) lte = maker.linear(model::Role::lte, "exits.lte", 1, hidden);
    for (model::Head& head : heads)
      if (head.layer < layers) head.lte = lte;
  }
  if (!arch.heads.empty() && made > 0 && !w.must_keep) {
    notes.push_back(
        !fit ? fmt::format("the backbone's exits answer other labels: all {} are new", heads.size())
        : kept == 0
            ? fmt::format("the backbone's exits have another form: all {} are new", heads.size())
            : fmt::format("{} of {} exits are new", made, heads.size()));
  }
  if (m.provenance.policy)
    notes.emplace_back(
        "exit_policy.json of the backbone is left out: it was tuned for other exits");
  arch.heads = std::move(heads);
  arch.num_labels = labels;
  arch.problem = w.problem;
  m.provenance.labels = w.labels;
  if (is_regression(w)) m.provenance.labels = {model::unnamed_label(0)};
  m.provenance.policy.reset();
  m.provenance.compute = ComputeType::float32;
  model::number_parameters(&m);
  return notes;
}

}  // namespace costeff::train
