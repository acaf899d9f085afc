#include "model/spec.h"

#include <fmt/core.h>

namespace costeff::model {

const char* activation_name(Activation a) {
  switch (a) {
    case Activation::gelu_erf:
      return "gelu";
    case Activation::gelu_tanh:
      return "gelu_new";
    case Activation::relu:
      return "relu";
    case Activation::silu:
      return "silu";
    case Activation::tanh:
      return "tanh";
    case Activation::none:
      return "none";
  }
  return "?";
}

namespace {

// Calls f(ParameterId, number of the layer) for each use of a parameter.
template <typename F>
void for_each_use(const Architecture& arch, F f) {
  int64_t number = 0;
  const auto linear = [&](const Linear& l) {
    if (l.has_weight()) f(l.weight, number);
    if (l.bias != kNone) f(l.bias, number);
  };
  const auto norm = [&](const LayerNorm& n) {
    f(n.weight, number);
    f(n.bias, number);
  };
  const Embeddings& e = arch.embeddings;
  f(e.word, number);
  if (e.word_up) linear(*e.word_up);
  f(e.position, number);
  if (e.type != kNone) f(e.type, number);
  if (e.task != kNone) f(e.task, number);
  norm(e.norm);
  if (e.map) linear(*e.map);
  for (const Layer& layer : arch.layers) {
    ++number;
    for (const ParameterId id : parameters_of(layer)) f(id, number);
  }
  for (const Head& head : arch.heads) {
    number = head.layer;
    if (head.pooler) linear(*head.pooler);
    linear(head.classifier);
    if (head.lte) linear(*head.lte);
  }
}

// The same, but only for the first use of each parameter.
template <typename F>
void for_each_first_use(const Architecture& arch, F f) {
  std::vector<bool> seen;
  for_each_use(arch, [&](ParameterId id, int64_t layer) {
    const auto at = static_cast<size_t>(id);
    if (at >= seen.size()) seen.resize(at + 1);
    if (seen[at]) return;
    seen[at] = true;
    f(id, layer);
  });
}

}  // namespace

std::vector<ParameterId> parameters_in_use(const Architecture& arch) {
  std::vector<ParameterId> ids;
  for_each_first_use(arch, [&](ParameterId id, int64_t) { ids.push_back(id); });
  return ids;
}

void number_parameters(Model* m) {
  for_each_first_use(m->arch,
                     [&](ParameterId id, int64_t layer) { m->parameters[id].layer = layer; });
}

std::vector<ParameterId> parameters_of(const Layer& layer) {
  std::vector<ParameterId> ids;
  const auto add = [&](const auto& pair) {
    if (pair.weight != kNone) ids.push_back(pair.weight);
    if (pair.bias != kNone) ids.push_back(pair.bias);
  };
  if (const auto& a = layer.attention) {
    for (const Linear* l : {&a->query, &a->key, &a->value, &a->output}) add(*l);
    add(a->norm);
  }
  if (const auto& ffn = layer.ffn) {
    add(ffn->in);
    add(ffn->out);
    add(ffn->norm);
  }
  return ids;
}

std::vector<int64_t> shared_layers(const Architecture& arch) {
  std::vector<int64_t> first;
  const auto norm_of = [](const auto& sublayer) {
    return sublayer ? sublayer->norm.weight : kNone;
  };
  for (size_t i = 0; i < arch.layers.size(); ++i) {
    const Layer& layer = arch.layers[i];
    size_t j = 0;
    while (j < i && (norm_of(arch.layers[j].attention) != norm_of(layer.attention) ||
                     norm_of(arch.layers[j].ffn) != norm_of(layer.ffn))) {
      ++j;
    }
    const bool has_any = layer.attention || layer.ffn;
    first.push_back(static_cast<int64_t>(has_any ? j : i));
  }
  return first;
}

bool shares_layers(const Architecture& arch) {
  const std::vector<int64_t> first = shared_layers(arch);
  for (size_t i = 0; i < first.size(); ++i)
    if (first[i] != static_cast<int64_t>(i)) return true;
  return false;
}

bool reads_first_only(const Architecture& arch) {
  return !arch.heads.empty() && arch.heads.back().pooling == Pooling::first;
}

std::string unnamed_label(int64_t i) { return fmt::format("LABEL_{}", i); }

bool are_unnamed(const std::vector<std::string>& labels) {
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != unnamed_label(static_cast<int64_t>(i))) return false;
  return true;
}

}  // namespace costeff::model
