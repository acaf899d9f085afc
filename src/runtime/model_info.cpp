#include "runtime/model_info.h"

#include <algorithm>
#include <map>

#include "base/fail.h"
#include "base/format.h"

namespace costeff {

int64_t embedding_macs(const ModelInfo& info, int64_t tokens) {
  const int64_t size = info.embedding_size, hidden = info.hidden_size;
  return tokens * (info.embedding_rank * size + (info.embedding_map ? size * hidden : 0));
}

int64_t macs(const ModelInfo& info, int64_t tokens, int64_t exit_layer, bool exits) {
  const int64_t hidden = info.hidden_size;
  int64_t sum = embedding_macs(info, tokens);
  for (const LayerInfo& l : info.layers) {
    if (l.layer > exit_layer) break;
    const int64_t a = l.attention_size;
    if (info.first_token_only && l.layer == static_cast<int64_t>(info.layers.size())) {
      // One row. Keys and values are not computed (model/attention.h), but by weights that other layers
      // have too.
      sum += 2 * hidden * l.ffn_size + (l.same_as == 0
                                            ? 4 * hidden * a + 2 * tokens * l.heads * hidden
                                            : 2 * (tokens + 1) * hidden * a + 2 * tokens * a);
    } else {
      sum += 4 * tokens * hidden * a + 2 * tokens * tokens * a + 2 * tokens * hidden * l.ffn_size;
    }
  }
  for (const ExitInfo& e : info.exits) {
    if (e.layer == exit_layer || (exits && e.layer < exit_layer)) sum += e.macs;
  }
  return sum;
}

ModelExits exits_of(const ModelInfo& info) {
  ModelExits out;
  for (const ExitInfo& e : info.exits) {
    out.layers.push_back(e.layer);
    out.learned = out.learned || e.learned;
  }
  out.num_labels = info.num_labels;
  out.problem = info.problem;
  out.dialect = info.dialect;
  return out;
}

void check_policy(const ModelInfo& info, const ExitPolicy& policy) {
  check_policy(exits_of(info), policy);
}

namespace runtime {
namespace {

int64_t count(const model::Parameters& parameters, const model::Linear& l) {
  return parameters.tensor(l.weight).numel() +
         (l.bias != model::kNone ? parameters.tensor(l.bias).numel() : 0);
}

LayerInfo describe_layer(const model::Layer& l, int64_t number) {
  LayerInfo info;
  info.layer = number;
  if (l.attention) {
    info.heads = l.attention->heads;
    info.attention_size = l.attention->query.out;
  }
  if (l.ffn) info.ffn_size = l.ffn->in.out;
  return info;
}

const char* pooling_text(model::Pooling pooling) {
  switch (pooling) {
    case model::Pooling::first:
      return "first token";
    case model::Pooling::mean:
      return "mean over tokens";
    case model::Pooling::tokens:
      return "every token";
  }
  return "";
}

std::string form_of(const model::Head& h) {
  std::string s = reading_text(h);
  if (h.pooler) s += ", pooler";
  if (h.activation != model::Activation::none)
    append_format(&s, ", {}", model::activation_name(h.activation));
  if (h.lte) s += ", learned exit";
  return s;
}

ExitInfo describe_exit(const model::Parameters& parameters, const model::Head& h) {
  ExitInfo e;
  e.layer = h.layer;
  e.form = form_of(h);
  e.input_size = h.classifier.in;
  e.learned = h.lte.has_value();
  e.macs = h.classifier.out * h.classifier.in + (h.pooler ? h.pooler->out * h.pooler->in : 0);
  for (const auto* l : {h.pooler ? &*h.pooler : nullptr, &h.classifier, h.lte ? &*h.lte : nullptr})
    if (l) e.parameters += count(parameters, *l);
  return e;
}

bool is_in_layer(model::Role role) {
  return role >= model::Role::query && role <= model::Role::ffn_norm;
}

// The element types of the embedding and of weights that are multiplied: "F16", or "F16, F32" for a
// mixture, the most frequent first.
std::string dtypes_in_use(const model::Model& m) {
  std::map<std::string, int64_t> bytes;
  model::for_each_parameter(m, [&](const model::Parameter& p) {
    const bool product = is_in_layer(p.role) || p.role == model::Role::embedding_map ||
                         p.role == model::Role::pooler || p.role == model::Role::classifier;
    if (p.role == model::Role::word || (product && p.tensor.shape.size() == 2))
      bytes[dtype_name(p.tensor.dtype)] += p.tensor.bytes();
  });
  std::vector<std::pair<std::string, int64_t>> sorted(bytes.begin(), bytes.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string s;
  for (const auto& [name, size] : sorted) s += (s.empty() ? "" : ", ") + name;
  return s;
}

}  // namespace

std::string reading_text(const model::Head& h) {
  std::string s = pooling_text(h.pooling);
  if (h.last_n_hidden > 1) {
    append_format(&s, ", {} of the last {} hidden states",
                  h.hidden_mode == model::HiddenMode::concat ? "concat" : "average",
                  h.last_n_hidden);
  }
  return s;
}

ModelInfo describe(const model::Model& m) {
  ModelInfo info;
  info.dialect = m.provenance.dialect;
  info.hidden_size = m.arch.hidden_size;
  info.head_size = m.arch.head_size;
  info.num_labels = m.arch.num_labels;
  info.vocab_size = m.arch.vocab_size;
  info.max_length = info.default_max_length = m.arch.max_length;
  info.type_vocab_size = m.arch.type_vocab_size;
  info.embedding_rank = m.arch.embeddings.word_up ? m.arch.embeddings.word_up->in : 0;
  info.embedding_size = m.arch.embedding_size();
  info.embedding_map = m.arch.embeddings.map.has_value();
  info.problem = m.arch.problem;
  info.question_answering = m.arch.question_answering;
  info.first_token_only = model::reads_first_only(m.arch);
  info.activation = model::activation_name(m.arch.activation);
  info.dtype = dtypes_in_use(m);
  info.layer_norm_eps = static_cast<double>(m.arch.layer_norm_eps);
  info.labels = m.provenance.labels;
  info.task = m.provenance.task;
  const std::vector<int64_t> first = model::shared_layers(m.arch);
  for (const model::Layer& l : m.arch.layers) {
    const auto number = static_cast<int64_t>(info.layers.size()) + 1;
    info.layers.push_back(describe_layer(l, number));
    const int64_t same_as = first[info.layers.size() - 1] + 1;
    if (same_as != number) info.layers.back().same_as = same_as;
  }
  for (const model::Head& h : m.arch.heads) info.exits.push_back(describe_exit(m.parameters, h));
  model::for_each_parameter(m, [&](const model::Parameter& p) {
    info.parameters += p.tensor.numel();
    if (is_in_layer(p.role))
      info.layers[static_cast<size_t>(p.layer) - 1].parameters += p.tensor.numel();
  });
  for (const Tensor& t : m.provenance.unused)
    info.unused.push_back({t.name, dtype_name(t.dtype), t.shape});
  info.notes = m.provenance.notes;
  info.warnings = m.provenance.warnings;
  return info;
}

ModelExits exits_of(const model::Model& m) {
  ModelExits out;
  for (const model::Head& h : m.arch.heads) {
    out.layers.push_back(h.layer);
    out.learned = out.learned || h.lte.has_value();
  }
  out.num_labels = m.arch.num_labels;
  out.problem = m.arch.problem;
  out.dialect = m.provenance.dialect;
  return out;
}

void check_own_policy(const model::Model& m, const std::string& place) {
  if (!m.provenance.policy) return;
  const std::string fault = policy_fault(exits_of(m), *m.provenance.policy);
  if (!fault.empty()) fail_model("{}: {}", place, fault);
}

}  // namespace runtime
}  // namespace costeff
