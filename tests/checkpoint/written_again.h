#pragma once

// A model that is written and read again, in memory.

#include <string>
#include <utility>
#include <vector>

#include "checkpoint/dialects/save_model.h"
#include "checkpoint/tensor_maker.h"

namespace costeff::checkpoint {

struct Again {
  model::Model named;
  SavedModel saved;
  Shapes shapes;
  Config config;

  Again(model::Model m, const Config& source)
      : named(std::move(m)), saved(name_model(&named, source)) {
    record_source(&saved, named, {"dir", named.provenance.dialect, "F32"}, std::nullopt);
    for (const auto& [name, id] : saved_names(named))
      shapes.at[name] = named.parameters.tensor(id).shape;
    config = parse_config(saved.json.dump(), "new/config.json");
  }
  model::Model model() const { return make_model(shapes, config); }
};

inline std::vector<std::string> names_of(const Shapes& s) {
  std::vector<std::string> names;
  for (const auto& [name, shape] : s.at) names.push_back(name);
  return names;
}

inline void remove_head(model::Model* m, int64_t layer) {
  std::erase_if(m->arch.heads, [&](const model::Head& h) { return h.layer == layer; });
}

}  // namespace costeff::checkpoint
