#include <costeff/policy.h>

#include <algorithm>
#include <string>

#include "base/fail.h"
#include "base/format.h"
#include "base/names.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff {
namespace {

[[noreturn]] void refuse_threshold(std::string_view text, const std::string& expected) {
  fail_usage("threshold \"{}\", expected {}", printable(text, 80), expected);
}

[[noreturn]] void refuse_list(std::string_view text, const std::string& why) {
  fail_usage("--thresholds \"{}\"{}, expected numbers 0,0.1,0.2 or first:last:step",
             printable(text, 80), why);
}

}  // namespace

PolicyKind parse_policy_kind(std::string_view name) {
  return value_of_name(kPolicies, name, "policy");
}

std::vector<double> parse_thresholds(std::string_view text) {
  constexpr int64_t kMaxLayers = 1000;
  if (text.find(';') == std::string_view::npos) {
    if (auto list = parse_number_list(text)) return *std::move(list);
    refuse_threshold(text, "a number, or one a layer: 0.3,0.2,0.1");
  }
  std::vector<double> out;
  for (const std::string_view group : split_at(text, ';')) {
    const auto pair = split_at(group, ',');
    const auto v = parse_number(pair[0]);
    const auto n = parse_int(pair.back(), 1, kMaxLayers);
    if (pair.size() != 2 || !v || !n)
      refuse_threshold(text, "groups \"v,n;v,n\": v for the next n layers");
    out.insert(out.end(), static_cast<size_t>(*n), *v);
  }
  return out;
}

std::vector<double> parse_exit_weights(std::string_view text) {
  auto list = parse_number_list(text);
  if (!list) {
    fail_usage("--exit-weights \"{}\", expected a number, or one a layer: 0.8,0.85,0.9",
               printable(text, 80));
  }
  return *std::move(list);
}

std::vector<double> parse_threshold_list(std::string_view text) {
  constexpr double kMaxPoints = 10000;
  if (text.find(':') == std::string_view::npos) {
    if (auto list = parse_number_list(text)) return *std::move(list);
    refuse_list(text, "");
  }
  const auto range = parse_number_range(text);
  if (!range) refuse_list(text, "");
  if (!(range->step > 0)) refuse_list(text, ": the step is not above 0");
  if (range->last < range->first) refuse_list(text, ": the last lies before the first");
  if ((range->last - range->first) / range->step >= kMaxPoints)
    refuse_list(text, ": more than 10000 thresholds");
  return numbers_in(*range);
}

PolicyWords policy_words(const ExitPolicy& p) {
  const PolicyTraits& t = policy_traits(p.kind);
  PolicyWords words;
  words.name = t.name;
  if (t.number_at) words.setting = fmt::format("{}", p.*t.number_at);
  if (p.kind == PolicyKind::never) {
    words.text = "never (full depth)";
    return words;
  }
  if (p.kind == PolicyKind::fixed) {
    words.text = "leave at layer " + words.setting;
    return words;
  }
  const std::string thresholds = shortest_list(p.thresholds);
  words.text = words.name;
  const std::string sign = t.leaves_above ? " > " : " < ";
  if (t.number_at) {
    words.text += " " + words.setting;
    if (t.threshold == ThresholdUse::always) words.setting += sign + thresholds;
  } else {
    words.setting = thresholds;
  }
  if (!t.number_at || !thresholds.empty()) words.text += sign + thresholds;
  if (averages(p)) {
    words.text += ", average";
    words.setting += ", average";
  }
  if (p.exit_start > 1) append_format(&words.text, " from {}", p.exit_start);
  return words;
}

std::string policy_text(const ExitPolicy& p) {
  const PolicyTraits& t = policy_traits(p.kind);
  if (p.kind == PolicyKind::never) return "never (the last layer answers)";
  if (p.kind == PolicyKind::fixed) return fmt::format("fixed, layer {}", p.layer);
  std::string text;
  if (t.number_at) text = fmt::format("{} {}", t.name, p.*t.number_at);
  if (!t.number_at || !p.thresholds.empty()) {
    if (!text.empty()) text += ", ";
    text += t.compared;
    text += (t.leaves_above ? " above " : " below ") + shortest_list(p.thresholds, ", ");
  }
  if (averages(p)) append_format(&text, ", average of the {} exits", p.patience);
  if (t.needs_weights)
    append_format(&text, ", exit weights {}", shortest_list(p.exit_weights, ", "));
  if (p.exit_start > 1) append_format(&text, ", from layer {}", p.exit_start);
  return text;
}

}  // namespace costeff
