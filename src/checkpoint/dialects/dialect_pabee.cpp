// PABEE (JetRunner/PABEE, pabee/modeling_bert.py and modeling_albert.py): one pooler for all layers, a
// classifier for each. ALBERT's are after each of its blocks, which may be several layers.

#include "base/format.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {

bool detect_pabee(const Source& s) { return !numbers(s, "classifiers.").empty(); }

void build_pabee(Source& s, model::Model* m) {
  build_encoder(s, Widths::full, m);
  const bool albert = s.family == Family::albert;
  const int64_t h = m->arch.hidden_size, step = albert ? s.albert.inner : 1;
  const int64_t blocks = static_cast<int64_t>(m->arch.layers.size()) / step;
  refuse_numbers_from(s, "classifiers.", blocks,
                      fmt::format("one classifier a layer of {}", blocks));
  const int64_t labels = label_rows(s, fmt::format("classifiers.{}", blocks - 1));
  for (int64_t i = 0; i < blocks; ++i) {
    const std::string classifier = fmt::format("classifiers.{}", i);
    if (!exit_listed(s, (i + 1) * step, classifier + ".")) continue;
    m->arch.heads.push_back(
        pooled_head(s, (i + 1) * step, pooler_name(s.family, s.prefix), classifier, h, h, labels));
    if (albert) m->arch.heads.back().dropout = s.config->classifier_dropout_prob;
  }
  m->provenance.dialect = "pabee";
}

void save_pabee(const model::Model& m, SavedModel* out) {
  if (m.arch.heads.size() == 1) return save_plain(m, out);
  const int64_t step = out->family == Family::albert ? out->albert.inner : 1;
  for (const model::Head& head : m.arch.heads) {
    put_head(out, pooler_name(out->family, out->prefix),
             fmt::format("classifiers.{}", head.layer / step - 1), head);
  }
  put_dropout(out, m.arch.heads.back());
  put_architecture(out, "", false);
  out->dialect = "pabee";
}

}  // namespace costeff::checkpoint
