#include "train/last_ramp.h"

#include <fmt/core.h>

#include <string>

namespace costeff::train {
namespace {

model::ParameterId add_copy(model::Model* m, model::Part part, const std::string& ending,
                            model::ParameterId instead) {
  Tensor tensor = m->parameters.tensor(instead);
  for (const Tensor& t : m->provenance.unused) {
    if (t.name.ends_with(ending) && t.shape == tensor.shape && is_weight(t)) tensor = t;
  }
  return m->parameters.add(model::Role::pooler, part, tensor);
}

}  // namespace

model::Head last_ramp(model::Model* m) {
  const auto layers = static_cast<int64_t>(m->arch.layers.size());
  model::Head head = m->arch.heads.back();
  head.layer = layers;
  head.classifier = {};
  head.lte = m->arch.heads.front().lte;
  const std::string name = fmt::format("encoder.highway.{}.pooler.dense.", layers - 1);
  model::Linear& pooler = *head.pooler;
  pooler.weight = add_copy(m, model::Part::weight, name + "weight", pooler.weight);
  pooler.bias = add_copy(m, model::Part::bias, name + "bias", pooler.bias);
  for (const model::ParameterId id : {pooler.weight, pooler.bias}) m->parameters[id].layer = layers;
  return head;
}

}  // namespace costeff::train
