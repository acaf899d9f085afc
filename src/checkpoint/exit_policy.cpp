#include "checkpoint/exit_policy.h"

#include <costeff/policy.h>
#include <fmt/format.h>

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
constexpr std::array<std::string_view, 4> kCommonKeys = {
    "policy", "exit_start", "label_thresholds",
    "tuned"};  // `costeff tune` notes its goal in the last, for people

bool has_use_for(const PolicyTraits& row, std::string_view key) {
  if (key == "threshold" || key == "thresholds") return row.threshold != ThresholdUse::none;
  if (key == "average") return row.may_average;
  if (key == "exit_weights" || key == "weights_from") return row.needs_weights;
  return row.number_at && row.number == key;
}

template <size_t N>
bool contains(const std::array<std::string_view, N>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
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

std::vector<double> number_list(const Json& j, const char* key, const std::string& place) {
  const Json& list = j[key];
  if (!list.is_array() || list.empty() || list.size() > static_cast<size_t>(kMaxLayer)) {
    fail_model("{}: {} is {}, expected a list of 1 to {} numbers", place, key, json_text(list),
               kMaxLayer);
  }
  std::vector<double> numbers;
  for (const Json& v : list) numbers.push_back(number(v, key, place));
  return numbers;
}

void refuse_keys(const Json& j, const PolicyTraits& row, const std::string& place) {
  for (const auto& [key, value] : j.items()) {
    if (contains(kCommonKeys, key)) continue;
    if (!contains(kPolicyKeys, key)) {
      fail_model("{}: unknown key \"{}\", expected policy, {} or exit_start", place,
                 printable(key, 60), fmt::join(kPolicyKeys, ", "));
    }
    if (has_use_for(row, key)) continue;
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
  return many ? number_list(j, "thresholds", place) : std::vector<double>();
}

// The weights of exits, and where they come from.
void read_exit_weights(const Json& j, const std::string& place, ExitPolicy* policy) {
  constexpr size_t kDigits = 16;  // of base/files/content_hash
  if (!j.contains("exit_weights")) {
    fail_model("{}: policy {} needs the key exit_weights; costeff tune --policy {} writes it",
               place, policy_name(policy->kind), policy_name(policy->kind));
  }
  policy->exit_weights = number_list(j, "exit_weights", place);
  const auto from = json_string(j, "weights_from", place, ErrorKind::model);
  if (!from) return;
  if (from->size() != kDigits || from->find_first_not_of("0123456789abcdef") != std::string::npos) {
    fail_model("{}: weights_from is \"{}\", expected {} hexadecimal digits", place,
               printable(*from, 40), kDigits);
  }
  policy->weights_from = *from;
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
  if (row.may_average) policy.average = json_bool(j, "average", false, place, ErrorKind::model);
  if (row.needs_weights) read_exit_weights(j, place, &policy);
  policy.exit_start = json_int(j, "exit_start", 1, 1, kMaxLayer, place, ErrorKind::model);
  if (j.contains("label_thresholds"))
    policy.label_thresholds = number_list(j, "label_thresholds", place);
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
  if (policy.average) j["average"] = true;
  if (!policy.exit_weights.empty()) j["exit_weights"] = policy.exit_weights;
  if (!policy.weights_from.empty()) j["weights_from"] = policy.weights_from;
  if (policy.exit_start != 1) j["exit_start"] = policy.exit_start;
  if (!policy.label_thresholds.empty()) j["label_thresholds"] = policy.label_thresholds;
  return j;
}

}  // namespace costeff::checkpoint
