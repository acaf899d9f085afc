#include "checkpoint/exit_policy.h"

#include <costeff/error.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "base/file_bytes.h"
#include "base/json.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

constexpr ErrorKind kModel = ErrorKind::model;
constexpr int64_t kMaxLayer = 1000;

struct PolicyRow {
  std::string_view name;
  PolicyKind kind;
  bool threshold;  // needs a threshold or thresholds
};

constexpr std::array<PolicyRow, 5> kPolicies{{
    {"entropy", PolicyKind::entropy, true},
    {"max-prob", PolicyKind::max_prob, true},
    {"margin", PolicyKind::margin, true},
    {"fixed", PolicyKind::fixed, false},
    {"never", PolicyKind::never, false},
}};

const PolicyRow& find_policy(const Json& j, const std::string& place) {
  const auto name = json_string(j, "policy", place, kModel);
  if (!name) throw_model(place + ": policy is missing");
  std::string known;
  for (const PolicyRow& row : kPolicies) {
    if (row.name == *name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw_model(place + ": policy is \"" + printable(*name, 60) + "\", expected one of " + known);
}

void refuse_key(const Json& j, const char* key, const PolicyRow& row, const std::string& place) {
  if (j.contains(key)) {
    throw_model(place + ": policy " + std::string(row.name) + " has no use for the key " + key);
  }
}

double number(const Json& v, const char* key, const std::string& place) {
  if (!v.is_number())
    throw_model(place + ": " + key + " is " + json_text(v) + ", expected a number");
  return v.get<double>();
}

}  // namespace

ExitPolicy parse_exit_policy(const std::string& text, const std::string& place) {
  const Json j = parse_json(text, place, kModel);
  if (!j.is_object()) throw_model(place + ": is " + json_text(j) + ", expected a JSON object");
  for (const auto& [key, value] : j.items()) {
    if (key != "policy" && key != "threshold" && key != "thresholds" && key != "layer" &&
        key != "exit_start") {
      throw_model(place + ": unknown key \"" + printable(key, 60) +
                  "\", expected policy, threshold, thresholds, layer or exit_start");
    }
  }
  const PolicyRow& row = find_policy(j, place);
  ExitPolicy policy;
  policy.kind = row.kind;
  if (row.threshold) {
    refuse_key(j, "layer", row, place);
    const bool one = j.contains("threshold"), many = j.contains("thresholds");
    if (one == many) {
      throw_model(place + ": policy " + std::string(row.name) +
                  " needs either threshold or thresholds" + (one ? ", has both" : ", has neither"));
    }
    if (one) policy.thresholds = {number(j["threshold"], "threshold", place)};
    if (many) {
      const Json& list = j["thresholds"];
      if (!list.is_array() || list.empty() || list.size() > static_cast<size_t>(kMaxLayer)) {
        throw_model(place + ": thresholds is " + json_text(list) + ", expected a list of 1 to " +
                    std::to_string(kMaxLayer) + " numbers");
      }
      for (const Json& v : list) policy.thresholds.push_back(number(v, "thresholds", place));
    }
  } else {
    for (const char* key : {"threshold", "thresholds"}) refuse_key(j, key, row, place);
    if (row.kind == PolicyKind::fixed) {
      if (!j.contains("layer")) throw_model(place + ": policy fixed needs the key layer");
      policy.layer = json_int(j, "layer", 0, 1, kMaxLayer, place, kModel);
    } else {
      refuse_key(j, "layer", row, place);
    }
  }
  policy.exit_start = json_int(j, "exit_start", 1, 1, kMaxLayer, place, kModel);
  return policy;
}

std::optional<ExitPolicy> read_exit_policy(const std::string& path) {
  if (!file_exists(path)) return std::nullopt;
  return parse_exit_policy(read_file(path, kModel, 1u << 20), path);
}

Json exit_policy_json(const ExitPolicy& policy) {
  const auto row = std::find_if(kPolicies.begin(), kPolicies.end(),
                                [&](const PolicyRow& r) { return r.kind == policy.kind; });
  if (row == kPolicies.end()) throw Error(ErrorKind::internal, "a policy that no file can hold");
  Json j = {{"policy", row->name}};
  if (policy.thresholds.size() == 1) j["threshold"] = policy.thresholds[0];
  if (policy.thresholds.size() > 1) j["thresholds"] = policy.thresholds;
  if (policy.kind == PolicyKind::fixed) j["layer"] = policy.layer;
  if (policy.exit_start != 1) j["exit_start"] = policy.exit_start;
  return j;
}

}  // namespace costeff::checkpoint
