#include "checkpoint/exit_policy.h"

#include <costeff/policy.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/format.h"
#include "base/json/json.h"
#include "base/names.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

constexpr int64_t kMaxLayer = 1000;

// Keys that go with every policy.
constexpr std::array<std::string_view, 3> kCommonKeys = {
    "policy", "exit_start", "tuned"};  // `costeff tune` notes its goal in the last, for people

bool is_threshold_key(std::string_view key) { return key == "threshold" || key == "thresholds"; }

// "policy, threshold, thresholds, patience, layer or exit_start"
std::string known_keys() {
  std::string keys = "policy, threshold, thresholds";
  for (const PolicyTraits& row : kPolicies) {
    if (row.number_at) append_format(&keys, ", {}", row.number);
  }
  return keys + " or exit_start";
}

bool is_known_key(std::string_view key) {
  return std::find(kCommonKeys.begin(), kCommonKeys.end(), key) != kCommonKeys.end() ||
         is_threshold_key(key) ||
         std::any_of(kPolicies.begin(), kPolicies.end(),
                     [&](const PolicyTraits& row) { return row.number_at && row.number == key; });
}

const PolicyTraits& find_policy(const Json& j, const std::string& place) {
  const auto name = json_string(j, "policy", place, ErrorKind::model);
  if (!name) fail_model("{}: policy is missing", place);
  if (const PolicyTraits* row = find_named(kPolicies, *name)) return *row;
  throw_unknown_name(place + ": policy", *name, listed_names(kPolicies), ErrorKind::model);
}

double number(const Json& v, const char* key, const std::string& place) {
  if (!v.is_number()) fail_model("{}: {} is {}, expected a number", place, key, json_text(v));
  return v.get<double>();
}

void refuse_keys(const Json& j, const PolicyTraits& row, const std::string& place) {
  for (const auto& [key, value] : j.items()) {
    if (!is_known_key(key)) {
      fail_model("{}: unknown key \"{}\", expected {}", place, printable(key, 60), known_keys());
    }
    if (std::find(kCommonKeys.begin(), kCommonKeys.end(), key) != kCommonKeys.end() ||
        (row.number_at && row.number == key) ||
        (is_threshold_key(key) && row.threshold != ThresholdUse::none)) {
      continue;
    }
    fail_model("{}: policy {} has no use for the key {}", place, row.name, key);
  }
}

std::vector<double> read_thresholds(const Json& j, const PolicyTraits& row,
                                    const std::string& place) {
  const bool one = j.contains("threshold"), many = j.contains("thresholds");
  const bool required = row.threshold == ThresholdUse::always;
  if ((one && many) || (!one && !many && required)) {
    fail_model("{}: policy {}{} threshold or thresholds{}", place, row.name,
               required ? " needs either" : " takes either", one ? ", has both" : ", has neither");
  }
  if (one) return {number(j["threshold"], "threshold", place)};
  std::vector<double> thresholds;
  if (!many) return thresholds;
  const Json& list = j["thresholds"];
  if (!list.is_array() || list.empty() || list.size() > static_cast<size_t>(kMaxLayer)) {
    fail_model("{}: thresholds is {}, expected a list of 1 to {} numbers", place, json_text(list),
               kMaxLayer);
  }
  for (const Json& v : list) thresholds.push_back(number(v, "thresholds", place));
  return thresholds;
}

}  // namespace

ExitPolicy parse_exit_policy(const std::string& text, const std::string& place) {
  const Json j = parse_json(text, place, ErrorKind::model);
  if (!j.is_object()) fail_model("{}: is {}, expected a JSON object", place, json_text(j));
  const PolicyTraits& row = find_policy(j, place);
  refuse_keys(j, row, place);
  ExitPolicy policy;
  policy.kind = row.value;
  if (row.threshold != ThresholdUse::none) policy.thresholds = read_thresholds(j, row, place);
  if (row.number_at) {
    const std::string key(row.number);
    if (!j.contains(key)) fail_model("{}: policy {} needs the key {}", place, row.name, key);
    policy.*row.number_at =
        json_int(j, key.c_str(), 0, row.least_number, kMaxLayer, place, ErrorKind::model);
  }
  policy.exit_start = json_int(j, "exit_start", 1, 1, kMaxLayer, place, ErrorKind::model);
  return policy;
}

std::optional<ExitPolicy> read_exit_policy(const std::string& path) {
  if (!file_exists(path)) return std::nullopt;
  return parse_exit_policy(read_file(path, ErrorKind::model, 1u << 20), path);
}

Json exit_policy_json(const ExitPolicy& policy) {
  const PolicyTraits& row = policy_traits(policy.kind);
  Json j = {{"policy", row.name}};
  if (policy.thresholds.size() == 1) j["threshold"] = policy.thresholds[0];
  if (policy.thresholds.size() > 1) j["thresholds"] = policy.thresholds;
  if (row.number_at) j[std::string(row.number)] = policy.*row.number_at;
  if (policy.exit_start != 1) j["exit_start"] = policy.exit_start;
  return j;
}

}  // namespace costeff::checkpoint
