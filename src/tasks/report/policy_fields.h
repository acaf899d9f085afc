#pragma once

// The settings of a policy that are no threshold, as members of a JSON object.

#include <costeff/policy.h>

#include "tasks/write/json_writer.h"

namespace costeff::tasks {

inline void write_policy_fields(const ExitPolicy& p, JsonWriter* json) {
  if (policy_traits(p.kind).number_at == &ExitPolicy::patience) json->field("patience", p.patience);
  if (averages(p)) json->field("average", true);
  if (!p.exit_weights.empty()) json->field("exit_weights", p.exit_weights);
}

}  // namespace costeff::tasks
