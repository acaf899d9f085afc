// PABEE (JetRunner/PABEE, pabee/modeling_bert.py): one pooler for all layers, a classifier for each.

#include "base/format.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {

bool detect_pabee(const Source& s) { return !numbers(s, "classifiers.").empty(); }

void build_pabee(Source& s, model::Model* m) {
  build_encoder(s, Widths::full, m);
  const int64_t h = m->arch.hidden_size, layers = static_cast<int64_t>(m->arch.layers.size());
  refuse_numbers_from(s, "classifiers.", layers,
                      fmt::format("one classifier a layer of {}", layers));
  const int64_t labels = label_rows(s, fmt::format("classifiers.{}", layers - 1));
  for (int64_t i = 0; i < layers; ++i) {
    const std::string classifier = fmt::format("classifiers.{}", i);
    if (!exit_listed(s, i + 1, classifier + ".")) continue;
    m->arch.heads.push_back(
        pooled_head(s, i + 1, s.prefix + "pooler.dense", classifier, h, h, labels));
  }
  m->provenance.dialect = "pabee";
}

void save_pabee(const model::Model& m, SavedModel* out) {
  if (m.arch.heads.size() == 1) return save_plain(m, out);
  for (const model::Head& head : m.arch.heads) {
    put_head(out, out->prefix + "pooler.dense", fmt::format("classifiers.{}", head.layer - 1),
             head);
  }
  put_architecture(out, "", false);
  out->dialect = "pabee";
}

}  // namespace costeff::checkpoint
