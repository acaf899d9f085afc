#include "checkpoint/exit_policy.h"

#include <costeff/error.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <vector>

#include "base/file_bytes.h"
#include "base/json.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

constexpr int64_t kMaxLayer = 1000;

// The keys of a policy besides exit_start, which goes with all of them.
struct PolicyRow {
  std::string_view name;
  PolicyKind kind;
  enum { none, optional, required } threshold;  // "threshold" or "thresholds"
  const char* count = nullptr;                  // a number that it needs
};

constexpr std::array<PolicyRow, 7> kPolicies{{
    {"entropy", PolicyKind::entropy, PolicyRow::required},
    {"max-prob", PolicyKind::max_prob, PolicyRow::required},
    {"margin", PolicyKind::margin, PolicyRow::required},
    {"patience", PolicyKind::patience, PolicyRow::optional, "patience"},
    {"learned", PolicyKind::learned, PolicyRow::required},
    {"fixed", PolicyKind::fixed, PolicyRow::none, "layer"},
    {"never", PolicyKind::never, PolicyRow::none},
}};

constexpr std::array<std::string_view, 7> kKeys = {
    "policy", "threshold",  "thresholds", "patience",
    "layer",  "exit_start", "tuned"};  // for people: what `costeff tune` chose the policy for

const PolicyRow& find_policy(const Json& j, const std::string& place) {
  const auto name = json_string(j, "policy", place, ErrorKind::model);
  if (!name) throw_model(place + ": policy is missing");
  std::string known;
  for (const PolicyRow& row : kPolicies) {
    if (row.name == *name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw_model(place + ": policy is \"" + printable(*name, 60) + "\", expected one of " + known);
}

double number(const Json& v, const char* key, const std::string& place) {
  if (!v.is_number())
    throw_model(place + ": " + key + " is " + json_text(v) + ", expected a number");
  return v.get<double>();
}

void refuse_keys(const Json& j, const PolicyRow& row, const std::string& place) {
  for (const auto& [key, value] : j.items()) {
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      throw_model(place + ": unknown key \"" + printable(key, 60) +
                  "\", expected policy, threshold, thresholds, patience, layer or exit_start");
    }
    const bool counted = row.count && key == row.count;
    const bool is_threshold = key == "threshold" || key == "thresholds";
    if (key == "policy" || key == "exit_start" || key == "tuned" || counted ||
        (is_threshold && row.threshold != PolicyRow::none)) {
      continue;
    }
    throw_model(place + ": policy " + std::string(row.name) + " has no use for the key " + key);
  }
}

std::vector<double> read_thresholds(const Json& j, const PolicyRow& row, const std::string& place) {
  const bool one = j.contains("threshold"), many = j.contains("thresholds");
  if ((one && many) || (!one && !many && row.threshold == PolicyRow::required)) {
    throw_model(place + ": policy " + std::string(row.name) +
                (row.threshold == PolicyRow::required ? " needs either" : " takes either") +
                " threshold or thresholds" + (one ? ", has both" : ", has neither"));
  }
  if (one) return {number(j["threshold"], "threshold", place)};
  std::vector<double> thresholds;
  if (!many) return thresholds;
  const Json& list = j["thresholds"];
  if (!list.is_array() || list.empty() || list.size() > static_cast<size_t>(kMaxLayer)) {
    throw_model(place + ": thresholds is " + json_text(list) + ", expected a list of 1 to " +
                std::to_string(kMaxLayer) + " numbers");
  }
  for (const Json& v : list) thresholds.push_back(number(v, "thresholds", place));
  return thresholds;
}

}  // namespace

ExitPolicy parse_exit_policy(const std::string& text, const std::string& place) {
  const Json j = parse_json(text, place, ErrorKind::model);
  if (!j.is_object()) throw_model(place + ": is " + json_text(j) + ", expected a JSON object");
  const PolicyRow& row = find_policy(j, place);
  refuse_keys(j, row, place);
  ExitPolicy policy;
  policy.kind = row.kind;
  if (row.threshold != PolicyRow::none) policy.thresholds = read_thresholds(j, row, place);
  if (row.count && !j.contains(row.count)) {
    throw_model(place + ": policy " + std::string(row.name) + " needs the key " + row.count);
  }
  // Patience 0 never leaves, as --patience 0.
  if (row.kind == PolicyKind::patience) {
    policy.patience = json_int(j, "patience", 0, 0, kMaxLayer, place, ErrorKind::model);
  }
  if (row.kind == PolicyKind::fixed) {
    policy.layer = json_int(j, "layer", 0, 1, kMaxLayer, place, ErrorKind::model);
  }
  policy.exit_start = json_int(j, "exit_start", 1, 1, kMaxLayer, place, ErrorKind::model);
  return policy;
}

std::optional<ExitPolicy> read_exit_policy(const std::string& path) {
  if (!file_exists(path)) return std::nullopt;
  return parse_exit_policy(read_file(path, ErrorKind::model, 1u << 20), path);
}

Json exit_policy_json(const ExitPolicy& policy) {
  const auto row = std::find_if(kPolicies.begin(), kPolicies.end(),
                                [&](const PolicyRow& r) { return r.kind == policy.kind; });
  if (row == kPolicies.end()) throw Error(ErrorKind::internal, "a policy that no file can hold");
  Json j = {{"policy", row->name}};
  if (policy.thresholds.size() == 1) j["threshold"] = policy.thresholds[0];
  if (policy.thresholds.size() > 1) j["thresholds"] = policy.thresholds;
  if (policy.kind == PolicyKind::patience) j["patience"] = policy.patience;
  if (policy.kind == PolicyKind::fixed) j["layer"] = policy.layer;
  if (policy.exit_start != 1) j["exit_start"] = policy.exit_start;
  return j;
}

}  // namespace costeff::checkpoint
