#include <costeff/policy.h>
#include <costeff/policy_file.h>

#include "base/json/json.h"
#include "checkpoint/exit_policy.h"

namespace costeff {

std::string exit_policy_text(const ExitPolicy& policy, const std::string& tuned) {
  const Json j = checkpoint::exit_policy_json(policy);
  nlohmann::ordered_json out;
  // What the engine reads comes first.
  out["policy"] = j["policy"];
  for (const std::string_view key : checkpoint::kPolicyKeys) {
    if (const auto it = j.find(std::string(key)); it != j.end()) out[it.key()] = it.value();
  }
  for (const char* key : {"exit_start", "label_thresholds"}) {
    if (j.contains(key)) out[key] = j[key];
  }
  if (!tuned.empty()) {
    const auto note = nlohmann::ordered_json::parse(tuned, nullptr, false);
    if (!note.is_object())
      throw Error(ErrorKind::internal, "what a policy was tuned for is no JSON object");
    out["tuned"] = note;
  }
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace costeff
