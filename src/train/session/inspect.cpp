#include <costeff/train.h>

#include "checkpoint/checkpoint.h"

namespace costeff {

BackboneInfo inspect_backbone(const std::string& path) {
  const checkpoint::Backbone backbone = checkpoint::load_backbone(path);
  const model::Model& m = backbone.model;
  BackboneInfo info;
  info.dialect = m.provenance.dialect;
  info.task = m.provenance.task;
  info.layers = static_cast<int64_t>(m.arch.layers.size());
  info.roberta = m.arch.family == model::Family::roberta;
  if (m.arch.heads.empty()) return info;
  info.num_labels = m.arch.num_labels;
  info.problem = m.arch.problem;
  for (const model::Head& head : m.arch.heads) info.exits.push_back(head.layer);
  if (!model::are_unnamed(m.provenance.labels)) info.labels = m.provenance.labels;
  return info;
}

}  // namespace costeff
