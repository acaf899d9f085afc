// DistilBERT (transformers, modeling_distilbert.py): its own names and config keys, no token types.

#include <utility>

#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {

bool detect_distilbert(const Source& s) { return s.family == Family::distilbert; }

void add_distilbert_exit(Source& s, model::Model* m) {
  const int64_t h = m->arch.hidden_size, last = static_cast<int64_t>(m->arch.layers.size());
  model::Head head;
  if (is_question_answering(s)) {
    m->arch.question_answering = true;
    head.layer = last;
    head.pooling = model::Pooling::tokens;
    head.activation = model::Activation::none;
    head.classifier = use_linear(s, model::Role::classifier, "qa_outputs", 2, h);
  } else {
    head = pooled_head(s, last, "pre_classifier", "classifier", h, h, label_rows(s, "classifier"));
    head.activation = activation_after_pooler(s.family);
    head.dropout = s.config->seq_classif_dropout;
  }
  m->arch.heads.push_back(std::move(head));
}

void build_distilbert(Source& s, model::Model* m) {
  build_encoder(s, Widths::full, m);
  add_distilbert_exit(s, m);
  m->provenance.dialect = m->arch.question_answering ? "distilbert-qa" : "distilbert";
}

void save_distilbert(const model::Model& m, SavedModel* out) {
  const model::Head& head = m.arch.heads.back();
  if (m.arch.question_answering) {
    put_linear(out, "qa_outputs", head.classifier);
  } else {
    put_head(out, "pre_classifier", "classifier", head);
  }
  constexpr std::pair<const char*, const char*> kKeys[] = {{"hidden_size", "dim"},
                                                           {"num_hidden_layers", "n_layers"},
                                                           {"num_attention_heads", "n_heads"},
                                                           {"intermediate_size", "hidden_dim"},
                                                           {"hidden_act", "activation"}};
  Json& j = out->json;
  for (const auto& [common, own] : kKeys) {
    j[own] = j[common];
    j.erase(common);
  }
  j.erase("layer_norm_eps");  // fixed by the code
  put_dropout(out, head);
  put_architecture(out, "", m.arch.question_answering);
  out->dialect = m.arch.question_answering ? "distilbert-qa" : "distilbert";
}

}  // namespace costeff::checkpoint
