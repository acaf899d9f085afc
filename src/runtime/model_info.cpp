#include "runtime/model_info.h"

#include <algorithm>
#include <map>

#include "exit/policy.h"
#include "runtime/plan.h"

namespace costeff {

int64_t macs(const ModelInfo& info, int64_t tokens, int64_t exit_layer, bool exits) {
  const int64_t hidden = info.hidden_size;
  int64_t sum = tokens * info.embedding_rank * hidden;
  for (const LayerInfo& l : info.layers) {
    if (l.layer > exit_layer) break;
    const int64_t a = l.attention_size;
    if (info.first_token_only && l.layer == static_cast<int64_t>(info.layers.size())) {
      // One row, and no keys and values (model/attention.h).
      sum += 4 * hidden * a + 2 * tokens * l.heads * hidden + 2 * hidden * l.ffn_size;
    } else {
      sum += 4 * tokens * hidden * a + 2 * tokens * tokens * a + 2 * tokens * hidden * l.ffn_size;
    }
  }
  for (const ExitInfo& e : info.exits) {
    if (e.layer == exit_layer || (exits && e.layer < exit_layer)) sum += e.macs;
  }
  return sum;
}

namespace runtime {
namespace {

int64_t count(const model::Linear& l) { return l.weight.numel() + (l.bias ? l.bias->numel() : 0); }
int64_t count(const model::LayerNorm& n) { return n.weight.numel() + n.bias.numel(); }
template <typename T>
int64_t count(const std::optional<T>& t) {
  return t ? count(*t) : 0;
}
int64_t count(const std::optional<Tensor>& t) { return t ? t->numel() : 0; }

LayerInfo describe_layer(const model::Layer& l, int64_t number) {
  LayerInfo info;
  info.layer = number;
  if (l.attention) {
    const model::Attention& a = *l.attention;
    info.heads = a.heads;
    info.attention_size = a.query.out();
    info.parameters +=
        count(a.query) + count(a.key) + count(a.value) + count(a.output) + count(a.norm);
  }
  if (l.ffn) {
    info.ffn_size = l.ffn->in.out();
    info.parameters += count(l.ffn->in) + count(l.ffn->out) + count(l.ffn->norm);
  }
  return info;
}

std::string form_of(const model::Head& h) {
  std::string s;
  switch (h.pooling) {
    case model::Pooling::first:
      s = "first token";
      break;
    case model::Pooling::mean:
      s = "mean over tokens";
      break;
    case model::Pooling::tokens:
      s = "every token";
      break;
  }
  if (h.last_n_hidden > 1) {
    s += std::string(", ") + (h.hidden_mode == model::HiddenMode::concat ? "concat" : "average") +
         " of the last " + std::to_string(h.last_n_hidden) + " hidden states";
  }
  if (h.pooler) s += ", pooler";
  if (h.activation != model::Activation::none)
    s += std::string(", ") + model::activation_name(h.activation);
  if (h.lte) s += ", learned exit";
  return s;
}

ExitInfo describe_exit(const model::Head& h) {
  ExitInfo e;
  e.layer = h.layer;
  e.form = form_of(h);
  e.input_size = h.classifier.in();
  e.macs = h.classifier.weight.numel() + (h.pooler ? h.pooler->weight.numel() : 0);
  e.parameters = count(h.classifier) + count(h.pooler) + count(h.lte);
  return e;
}

// "F16", or "F16, F32" for a mixture, the most frequent first.
std::string dtypes_in_use(const model::Model& m) {
  std::map<std::string, int64_t> bytes;
  const auto add = [&](const model::Linear& l) {
    bytes[dtype_name(l.weight.dtype)] += l.weight.bytes();
  };
  bytes[dtype_name(m.embeddings.word.dtype)] += m.embeddings.word.bytes();
  for (const model::Layer& l : m.layers) {
    if (l.attention) {
      for (const model::Linear* p :
           {&l.attention->query, &l.attention->key, &l.attention->value, &l.attention->output})
        add(*p);
    }
    if (l.ffn) {
      add(l.ffn->in);
      add(l.ffn->out);
    }
  }
  for (const model::Head& h : m.heads) {
    if (h.pooler) add(*h.pooler);
    add(h.classifier);
  }
  std::vector<std::pair<std::string, int64_t>> sorted(bytes.begin(), bytes.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string s;
  for (const auto& [name, size] : sorted) s += (s.empty() ? "" : ", ") + name;
  return s;
}

}  // namespace

ModelInfo describe(const model::Model& m) {
  ModelInfo info;
  info.dialect = m.dialect;
  info.hidden_size = m.hidden_size;
  info.head_size = m.head_size;
  info.num_labels = m.num_labels;
  info.vocab_size = m.vocab_size;
  info.max_length = m.max_length;
  info.type_vocab_size = m.type_vocab_size;
  info.embedding_rank = m.embeddings.word_up ? m.embeddings.word_up->in() : 0;
  info.regression = m.regression;
  info.question_answering = m.question_answering;
  info.first_token_only = model::reads_first_only(m);
  info.activation = model::activation_name(m.activation);
  info.dtype = dtypes_in_use(m);
  info.layer_norm_eps = static_cast<double>(m.layer_norm_eps);
  info.labels = m.labels;
  info.task = m.task;
  const model::Embeddings& e = m.embeddings;
  info.parameters =
      e.word.numel() + count(e.word_up) + e.position.numel() + count(e.type) + count(e.norm);
  for (const model::Layer& l : m.layers) {
    info.layers.push_back(describe_layer(l, static_cast<int64_t>(info.layers.size()) + 1));
    info.parameters += info.layers.back().parameters;
  }
  const Tensor* shared_pooler = nullptr;  // PABEE: one pooler for all exits, counted once
  for (const model::Head& h : m.heads) {
    info.exits.push_back(describe_exit(h));
    info.parameters += info.exits.back().parameters;
    if (h.pooler && shared_pooler && h.pooler->weight.data == shared_pooler->data)
      info.parameters -= count(h.pooler);
    if (h.pooler) shared_pooler = &h.pooler->weight;
  }
  for (const Tensor& t : m.unused) info.unused.push_back({t.name, dtype_name(t.dtype), t.shape});
  info.notes = m.notes;
  return info;
}

void check_own_policy(const model::Model& m, const std::string& place) {
  if (!m.policy) return;
  exits::check_policy(*m.policy, static_cast<int64_t>(m.layers.size()), place, ErrorKind::model);
  if (const std::string wrong = policy_misfit(m, *m.policy); !wrong.empty()) {
    throw_model(place + ": " + wrong);
  }
}

}  // namespace runtime
}  // namespace costeff
