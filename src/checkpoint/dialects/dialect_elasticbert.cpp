// ElasticBERT (fastnlp/ElasticBERT): a pooler and a classifier for each of the last num_output_layers
// layers. Static models have one pooler and a top-level classifier.

#include "base/fail.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/heads.h"

namespace costeff::checkpoint {

bool detect_elasticbert(const Source& s) {
  return s.family == Family::elasticbert || has_any(s, s.prefix + "encoder.pooler.");
}

void build_elasticbert_encoder(Source& s, model::Model* m) {
  build_encoder(s, Widths::full, m);
  if (s.family == Family::bert) m->arch.family = Family::elasticbert;
  const auto layers = static_cast<int64_t>(m->arch.layers.size());
  refuse_numbers_from(s, s.prefix + "encoder.pooler.", layers,
                      fmt::format("poolers of {} layers", layers));
}

void add_elasticbert_exit(Source& s, model::Model* m) {
  const int64_t h = m->arch.hidden_size, layers = static_cast<int64_t>(m->arch.layers.size());
  m->arch.heads.push_back(
      pooled_head(s, layers, fmt::format("{}encoder.pooler.{}.dense", s.prefix, layers - 1),
                  "classifier", h, h, label_rows(s, "classifier")));
}

void build_elasticbert(Source& s, model::Model* m) {
  build_elasticbert_encoder(s, m);
  const int64_t h = m->arch.hidden_size, layers = static_cast<int64_t>(m->arch.layers.size());
  const std::string pooler = s.prefix + "encoder.pooler.";
  const std::set<int64_t> found = numbers(s, "classifiers.");
  if (found.empty()) {
    add_elasticbert_exit(s, m);
    m->provenance.dialect = "elasticbert-static";
    return;
  }
  // classifiers.j belongs to layer L - n + j (from 0).
  const int64_t n = *found.rbegin() + 1;
  refuse_numbers_from(s, "classifiers.", layers,
                      fmt::format("at most one classifier a layer of {}", layers));
  const auto said = s.config->num_output_layers;
  if (said && *said != n) {
    fail_model("{}: num_output_layers is {}, {} holds classifiers.0 to classifiers.{}",
               s.config->place, *said, *s.set->file, n - 1);
  }
  const int64_t labels = label_rows(s, fmt::format("classifiers.{}", n - 1));
  for (int64_t j = 0; j < n; ++j) {
    const int64_t i = layers - n + j;
    const std::string classifier = fmt::format("classifiers.{}", j);
    if (!exit_listed(s, i + 1, classifier + ".")) continue;
    m->arch.heads.push_back(
        pooled_head(s, i + 1, fmt::format("{}{}.dense", pooler, i), classifier, h, h, labels));
  }
  m->provenance.dialect = "elasticbert";
}

void save_elasticbert(const model::Model& m, SavedModel* out) {
  const int64_t first = m.arch.heads.front().layer, last = m.arch.heads.back().layer;
  for (const model::Head& head : m.arch.heads) {
    const std::string classifier =
        first == last ? "classifier" : fmt::format("classifiers.{}", head.layer - first);
    put_head(out, fmt::format("{}encoder.pooler.{}.dense", out->prefix, head.layer - 1), classifier,
             head);
  }
  out->json["num_output_layers"] = last - first + 1;
  out->json["max_output_layers"] = last;
  put_architecture(out, out->family == Family::elasticbert ? "" : "Elastic", false);
  out->dialect = first == last ? "elasticbert-static" : "elasticbert";
}

}  // namespace costeff::checkpoint
