#include "exit/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace costeff::exits {
namespace {

struct PolicyRow {
  PolicyKind kind;
  const char* name;
  enum { none, optional, required } threshold;
};

constexpr std::array<PolicyRow, 7> kPolicies{{
    {PolicyKind::never, "never", PolicyRow::none},
    {PolicyKind::entropy, "entropy", PolicyRow::required},
    {PolicyKind::max_prob, "max-prob", PolicyRow::required},
    {PolicyKind::margin, "margin", PolicyRow::required},
    {PolicyKind::patience, "patience", PolicyRow::optional},
    {PolicyKind::learned, "learned", PolicyRow::required},
    {PolicyKind::fixed, "fixed", PolicyRow::none},
}};

const PolicyRow& row_of(PolicyKind kind) {
  return *std::find_if(kPolicies.begin(), kPolicies.end(),
                       [&](const PolicyRow& r) { return r.kind == kind; });
}

double parse_number(std::string_view part, std::string_view whole) {
  double v = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), v);
  if (error != std::errc() || end != part.data() + part.size() || !std::isfinite(v)) {
    throw_usage("threshold \"" + std::string(whole) +
                "\", expected a number, or one a layer: 0.3,0.2,0.1");
  }
  return v;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

double threshold_at(const ExitPolicy& p, int64_t layer) {
  if (p.thresholds.empty()) return 0;
  return p.thresholds.size() == 1 ? p.thresholds[0] : p.thresholds[static_cast<size_t>(layer - 1)];
}

// PABEE (Zhou et al. 2020): counts the exits in a row that agree with their predecessor.
bool patience_leaves(const ExitPolicy& p, bool regression, int64_t layer, const ExitScore& score,
                     ExitState* state) {
  const bool agrees = state->seen && (regression ? std::abs(static_cast<double>(score.value) -
                                                            state->value) < threshold_at(p, layer)
                                                 : score.label == state->label);
  state->agreed = agrees ? state->agreed + 1 : 0;
  state->seen = true;
  state->label = score.label;
  state->value = score.value;
  return p.patience > 0 && state->agreed == p.patience;
}

}  // namespace

ExitScore score_logits(std::span<const float> logits, std::span<float> probs) {
  ExitScore s;
  const size_t n = logits.size();
  size_t top = 0;
  for (size_t c = 1; c < n; ++c) {
    if (logits[c] > logits[top]) top = c;
  }
  // With the largest logit taken off, Z = 1 + rest, and H = ln Z - sum_c p_c z_c is a sum of terms
  // >= 0: nothing cancels, and a probability that underflows adds exactly 0.
  double rest = 0;
  for (size_t c = 0; c < n; ++c) {
    if (c != top) rest += std::exp(static_cast<double>(logits[c]) - logits[top]);
  }
  double entropy = std::log1p(rest), second = 0;
  for (size_t c = 0; c < n; ++c) {
    const double z = static_cast<double>(logits[c]) - logits[top];
    const double p = std::exp(z) / (1 + rest);
    probs[c] = static_cast<float>(p);
    if (c == top) continue;
    if (p > 0) entropy -= p * z;
    second = std::max(second, p);
  }
  s.label = static_cast<int32_t>(top);
  s.prob = static_cast<float>(1 / (1 + rest));
  s.margin = static_cast<float>(1 / (1 + rest) - second);
  s.entropy = static_cast<float>(entropy);
  s.value = logits[0];
  return s;
}

bool leaves(const ExitPolicy& p, bool regression, int64_t layer, const ExitScore& score,
            ExitState* state) {
  if (layer < p.exit_start) return false;
  // The numbers that are compared are the ones that are printed.
  switch (p.kind) {
    case PolicyKind::never:
      return false;
    case PolicyKind::entropy:
      return static_cast<double>(score.entropy) < threshold_at(p, layer);
    case PolicyKind::max_prob:
      return static_cast<double>(score.prob) > threshold_at(p, layer);
    case PolicyKind::margin:
      return static_cast<double>(score.margin) > threshold_at(p, layer);
    case PolicyKind::patience:
      return patience_leaves(p, regression, layer, score, state);
    case PolicyKind::learned:
      return static_cast<double>(score.uncertainty) < threshold_at(p, layer);
    case PolicyKind::fixed:
      return layer >= p.layer;
  }
  return false;
}

const char* policy_name(PolicyKind kind) { return row_of(kind).name; }

PolicyKind policy_from_name(std::string_view name) {
  std::string known;
  for (const PolicyRow& r : kPolicies) {
    if (name == r.name) return r.kind;
    known += (known.empty() ? "" : ", ") + std::string(r.name);
  }
  throw_usage("policy \"" + std::string(name) + "\", expected one of " + known);
}

std::vector<double> parse_thresholds(std::string_view text) {
  constexpr double kMostLayers = 1000;
  std::vector<double> out;
  if (text.find(';') == std::string_view::npos) {
    for (std::string_view part : split(text, ',')) out.push_back(parse_number(part, text));
    return out;
  }
  for (std::string_view group : split(text, ';')) {
    const auto pair = split(group, ',');
    const double n = pair.size() == 2 ? parse_number(pair[1], text) : 0;
    if (!(n >= 1 && n <= kMostLayers && n == std::floor(n))) {
      throw_usage("threshold \"" + std::string(text) +
                  "\", expected groups \"v,n;v,n\": v for the next n layers");
    }
    out.insert(out.end(), static_cast<size_t>(n), parse_number(pair[0], text));
  }
  return out;
}

void check_policy(const ExitPolicy& p, int64_t layers, const std::string& place, ErrorKind kind) {
  const auto fail = [&](const std::string& what) { throw Error(kind, place + ": " + what); };
  const std::string depth = std::to_string(layers);
  const auto n = static_cast<int64_t>(p.thresholds.size());
  const PolicyRow& row = row_of(p.kind);
  if (row.threshold == PolicyRow::required && n == 0) {
    fail(std::string("policy ") + row.name + " needs a threshold");
  }
  if (row.threshold == PolicyRow::none && n != 0) {
    fail(std::string("policy ") + row.name + " takes no threshold");
  }
  if (n > 1 && n != layers && n != layers - 1) {
    fail(std::to_string(n) + " thresholds, expected one, or one for each of " + depth +
         " layers (the last may be left out)");
  }
  for (double v : p.thresholds) {
    if (!std::isfinite(v)) fail("a threshold is not a finite number");
  }
  if (p.kind == PolicyKind::patience && p.patience < 0) {
    fail("patience " + std::to_string(p.patience) + ", expected 0 or more");
  }
  if (p.kind == PolicyKind::fixed && (p.layer < 1 || p.layer > layers)) {
    fail("layer " + std::to_string(p.layer) + " to leave at, expected 1 to " + depth);
  }
  if (p.exit_start < 1 || p.exit_start > layers) {
    fail("exit start " + std::to_string(p.exit_start) + ", expected 1 to " + depth);
  }
}

}  // namespace costeff::exits
