// COST-EFF (sbwww/COST-EFF, Costeff/modeling_costeff.py): all layers slimmed to the same size, a
// factorised word embedding, off-ramps that may read several hidden states.

#include <algorithm>

#include "base/fail.h"
#include "base/utf8.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {
namespace {

bool has_pooler(const Source& s) {
  if (has_any(s, s.prefix + "pooler.dense.")) return true;
  for (int64_t i : numbers(s, s.prefix + "encoder.highway.")) {
    if (has_any(s, fmt::format("{}encoder.highway.{}.pooler.", s.prefix, i))) return true;
  }
  return false;
}

struct Form {
  bool dense = false;
  model::Pooling pooling = model::Pooling::first;
  model::HiddenMode mode = model::HiddenMode::concat;
  int64_t last_n = 1;
};

Form read_form(const Config& c) {
  const CosteffKeys& k = c.costeff;
  Form f;
  f.dense = k.pooler_dense;
  if (f.dense) return f;
  if (k.pooling_mode == "avg") {
    f.pooling = model::Pooling::mean;
  } else if (k.pooling_mode != "cls") {
    fail_model("{}: pooling_mode is \"{}\", expected cls or avg", c.place,
               printable(k.pooling_mode, 60));
  }
  if (k.hidden_mode == "avg") {
    f.mode = model::HiddenMode::average;
  } else if (k.hidden_mode != "concat") {
    fail_model("{}: hidden_mode is \"{}\", expected concat or avg", c.place,
               printable(k.hidden_mode, 60));
  }
  f.last_n = k.last_n_hidden;
  return f;
}

Form checked_form(const Source& s, int64_t layers) {
  const Form f = read_form(*s.config);
  if (f.mode == model::HiddenMode::concat && f.last_n > layers + 1) {
    fail_model("{}: last_n_hidden is {}, the model has {} hidden states", s.config->place, f.last_n,
               layers + 1);
  }
  return f;
}

// The exit on the output of `layer`: classifier(tanh(pool(...))), or with a pooler as in BERT.
model::Head build_head(Source& s, const Form& f, int64_t layer, const std::string& owner,
                       const std::string& classifier, int64_t h, int64_t labels) {
  if (f.dense) return pooled_head(s, layer, owner + "pooler.dense", classifier, h, h, labels);
  model::Head head;
  head.layer = layer;
  head.pooling = f.pooling;
  head.hidden_mode = f.mode;
  head.last_n_hidden = std::min(f.last_n, layer + 1);  // layer outputs and the embedding's
  head.activation = model::Activation::tanh;
  const int64_t in = f.mode == model::HiddenMode::concat ? head.last_n_hidden * h : h;
  head.classifier = use_classifier(s, classifier, labels, in);
  return head;
}

void check_rank(const Source& s, const model::Model& m) {
  const int64_t said = s.config->costeff.emb_hidden_dim;
  const int64_t rank = m.arch.embeddings.word_up ? m.arch.embeddings.word_up->in : -1;
  // A missing key reads as -1, and then the tensors decide.
  if (said == rank || said <= 0) return;
  const Tensor& word = m.parameters.tensor(m.arch.embeddings.word);
  fail_model("{}: emb_hidden_dim is {}, tensor {} has shape {}", s.config->place, said, word.name,
             shape_text(word.shape));
}

}  // namespace

// Only COST-EFF has word_embeddings1 and off-ramps without a pooler. With poolers and a whole
// embedding its tensors are those of DeeBERT, and only the keys in config.json tell them apart.
bool detect_costeff(const Source& s) {
  if (has_any(s, s.prefix + "embeddings.word_embeddings1.") ||
      has_any(s, s.prefix + "embeddings.word_embeddings2.")) {
    return true;
  }
  const bool ramps = has_any(s, s.prefix + "encoder.highway.");
  if (has_any(s, s.prefix + "encoder.lte_classifier.") || !has_any(s, "classifier.")) return false;
  const bool pooler = has_pooler(s);
  if (ramps && !pooler) return true;
  if (!s.config->costeff.present) return false;
  if (ramps || !pooler) return true;
  // One layer has no off-ramp, and `costeff convert` may leave out all of them.
  const bool one_layer = numbers(s, s.prefix + "encoder.layer.").size() == 1;
  return (one_layer && s.config->costeff.pooler_dense) || s.config->converted.exits.has_value();
}

void build_costeff_encoder(Source& s, model::Model* m) {
  build_encoder(s, Widths::costeff, m);
  check_rank(s, *m);
}

void add_costeff_exit(Source& s, model::Model* m) {
  const auto layers = static_cast<int64_t>(m->arch.layers.size());
  m->arch.heads.push_back(build_head(s, checked_form(s, layers), layers, s.prefix, "classifier",
                                     m->arch.hidden_size, label_rows(s, "classifier")));
}

void build_costeff(Source& s, model::Model* m) {
  build_costeff_encoder(s, m);
  const int64_t h = m->arch.hidden_size, layers = static_cast<int64_t>(m->arch.layers.size());
  const Form f = checked_form(s, layers);
  const std::string highway = s.prefix + "encoder.highway.";
  refuse_numbers_from(s, highway, layers, fmt::format("off-ramps of {} layers", layers));
  const int64_t labels = label_rows(s, "classifier");
  for (int64_t i = 0; i + 1 < layers; ++i) {
    const std::string p = fmt::format("{}{}.", highway, i);
    if (!exit_listed(s, i + 1, p)) continue;
    m->arch.heads.push_back(build_head(s, f, i + 1, p, p + "classifier", h, labels));
  }
  m->arch.heads.push_back(build_head(s, f, layers, s.prefix, "classifier", h, labels));
  if (!f.dense && has_pooler(s)) {
    s.notes.push_back(fmt::format("{}: pooler_dense is not true: the poolers in {} are not in use",
                                  s.config->place, *s.set->file));
    mark_leftover(s, s.prefix + "pooler.dense.");
    for (int64_t i : numbers(s, highway)) {
      mark_leftover(s, fmt::format("{}{}.pooler.dense.", highway, i));
    }
  }
  m->provenance.dialect = "cost-eff";
}

void save_costeff(const model::Model& m, SavedModel* out) {
  for (const model::Head& head : m.arch.heads) {
    const std::string p = fmt::format("{}encoder.highway.{}.", out->prefix, head.layer - 1);
    if (&head == &m.arch.heads.back()) {
      put_head(out, out->prefix + "pooler.dense", "classifier", head);
    } else {
      put_head(out, p + "pooler.dense", p + "classifier", head);
    }
  }
  // All layers have the same A. config.json gives the kept heads, and the whole H.
  Json& j = out->json;
  j.erase("pruned_heads");
  const int64_t a = m.arch.layers.front().attention->query.out;
  j["num_attention_heads"] = a / m.arch.head_size;
  j["hidden_size"] = m.arch.hidden_size;
  j["prun_hidden_size"] = a;
  const int64_t ffn = m.arch.layers.front().ffn->in.out;
  const bool alike =
      std::all_of(m.arch.layers.begin(), m.arch.layers.end(),
                  [&](const model::Layer& layer) { return layer.ffn->in.out == ffn; });
  if (alike) j["prun_intermediate_size"] = ffn;
  if (out->config->intermediate_size) j["intermediate_size"] = *out->config->intermediate_size;
  j["emb_hidden_dim"] = m.arch.embeddings.word_up ? m.arch.embeddings.word_up->in : -1;
  const model::Head& last = m.arch.heads.back();
  j["pooler_dense"] = last.pooler.has_value();
  j["pooling_mode"] = last.pooling == model::Pooling::mean ? "avg" : "cls";
  j["hidden_mode"] = last.hidden_mode == model::HiddenMode::average ? "avg" : "concat";
  j["last_n_hidden"] = last.last_n_hidden;
  j["architectures"] = {"CosteffForSequenceClassification"};
  out->dialect = "cost-eff";
}

}  // namespace costeff::checkpoint
