// DeeBERT (castorini/DeeBERT, transformers/modeling_highway_{bert,roberta}.py) and BERxiT
// (castorini/berxit), which adds learning to exit.

#include "base/format.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {
namespace {

std::string family_name(const Source& s) {
  return s.family == Family::roberta ? "roberta" : "bert";
}

}  // namespace

bool detect_deebert(const Source& s) { return has_any(s, s.prefix + "encoder.highway."); }

// Off-ramps after layers 1 .. L-1, each with its own pooler, then the final classifier, in the form of
// BERT even on RoBERTa. The reference's files have a highway of the last layer too, but it was never
// trained: the final classifier answers there.
void build_deebert(Source& s, model::Model* m) {
  build_encoder(s, Widths::full, m);
  const int64_t h = m->arch.hidden_size, layers = static_cast<int64_t>(m->arch.layers.size());
  const std::string highway = s.prefix + "encoder.highway.";
  refuse_numbers_from(s, highway, layers, fmt::format("one highway a layer of {}", layers));
  const int64_t labels = label_rows(s, "classifier");
  for (int64_t i = 0; i + 1 < layers; ++i) {
    const std::string p = fmt::format("{}{}", highway, i);
    if (!exit_listed(s, i + 1, p + ".")) continue;
    m->arch.heads.push_back(
        pooled_head(s, i + 1, p + ".pooler.dense", p + ".classifier", h, h, labels));
  }
  m->arch.heads.push_back(
      pooled_head(s, layers, s.prefix + "pooler.dense", "classifier", h, h, labels));
  m->provenance.dialect = "deebert-" + family_name(s);
}

bool detect_berxit(const Source& s) { return has_any(s, s.prefix + "encoder.lte_classifier."); }

// DeeBERT's tensors plus one lte_classifier for all off-ramps: u = sigmoid(lte(pooled output)).
void build_berxit(Source& s, model::Model* m) {
  build_deebert(s, m);
  const model::Linear lte =
      use_linear(s, model::Role::lte, s.prefix + "encoder.lte_classifier", 1, m->arch.hidden_size);
  for (model::Head& head : m->arch.heads) {
    if (head.layer < m->arch.heads.back().layer) head.lte = lte;
  }
  m->provenance.dialect = "berxit-" + family_name(s);
}

void save_deebert(const model::Model& m, SavedModel* out) {
  if (m.arch.heads.size() == 1) return save_plain(m, out);
  for (const model::Head& head : m.arch.heads) {
    const std::string p = fmt::format("{}encoder.highway.{}", out->prefix, head.layer - 1);
    if (&head == &m.arch.heads.back()) {
      put_head(out, out->prefix + "pooler.dense", "classifier", head);
    } else {
      put_head(out, p + ".pooler.dense", p + ".classifier", head);
    }
  }
  out->dialect = out->family == Family::roberta ? "deebert-roberta" : "deebert-bert";
  put_architecture(out, "Dee", false);
}

void save_berxit(const model::Model& m, SavedModel* out) {
  save_deebert(m, out);
  if (m.arch.heads.size() == 1) return;
  put_linear(out, out->prefix + "encoder.lte_classifier", *m.arch.heads.front().lte);
  out->dialect = out->family == Family::roberta ? "berxit-roberta" : "berxit-bert";
  put_architecture(out, "", false);  // berxit's class has the name of the plain one
}

}  // namespace costeff::checkpoint
