#include <costeff/exit_table.h>

#include <algorithm>
#include <string>

#include "exit/policy.h"

namespace costeff {
namespace {

void start_table(const Result& first, bool regression, ExitTable* t) {
  t->regression = regression;
  t->num_labels = static_cast<int64_t>(first.exits.front().logits.size());
  for (const ExitOutput& e : first.exits) t->layers.push_back(e.layer);
}

void check_row(const Result& r, const ExitTable& t) {
  bool fits = static_cast<int64_t>(r.exits.size()) == t.exits();
  for (size_t e = 0; fits && e < r.exits.size(); ++e) {
    fits = r.exits[e].layer == t.layers[e] &&
           static_cast<int64_t>(r.exits[e].logits.size()) == t.num_labels;
  }
  if (!fits) throw Error(ErrorKind::internal, "a row of other exits than its table has");
}

// Refuses what Engine::run refuses. Returns the exit that a fixed policy leaves by, else -1.
int64_t check_fits(const ExitTable& t, const ExitPolicy& policy) {
  const std::string name = std::string("policy ") + exits::policy_name(policy.kind);
  exits::check_policy(policy, t.layers.back(), "exit policy", ErrorKind::usage);
  if (t.regression && (policy.kind == PolicyKind::entropy || policy.kind == PolicyKind::max_prob ||
                       policy.kind == PolicyKind::margin)) {
    throw_usage(name + " needs probabilities, and this model gives a score (regression)");
  }
  if (policy.kind == PolicyKind::learned &&
      std::all_of(t.uncertainty.begin(), t.uncertainty.end(), [](float u) { return u < 0; })) {
    throw_usage(name + " needs a model with a learned exit (BERxiT)");
  }
  if (policy.kind != PolicyKind::fixed) return -1;
  const auto at = std::find(t.layers.begin(), t.layers.end(), policy.layer);
  if (at == t.layers.end()) {
    std::string known;
    for (int64_t layer : t.layers) known += (known.empty() ? "" : ", ") + std::to_string(layer);
    throw_usage("no exit at layer " + std::to_string(policy.layer) +
                "; this model has exits at layer " + known);
  }
  return at - t.layers.begin();
}

}  // namespace

void append(std::span<const Result> results, bool regression, ExitTable* t) {
  std::vector<float> probs;
  for (const Result& r : results) {
    if (r.exits.empty()) throw Error(ErrorKind::internal, "a row without the answers of its exits");
    if (t->layers.empty()) start_table(r, regression, t);
    check_row(r, *t);
    for (const ExitOutput& e : r.exits) {
      probs.resize(e.logits.size());
      const exits::ExitScore s = exits::score_logits(e.logits, probs);
      t->logits.insert(t->logits.end(), e.logits.begin(), e.logits.end());
      t->label.push_back(s.label);
      t->prob.push_back(s.prob);
      t->margin.push_back(s.margin);
      t->entropy.push_back(s.entropy);
      t->value.push_back(s.value);
      t->uncertainty.push_back(e.uncertainty);
    }
    t->tokens.push_back(static_cast<int32_t>(r.tokens));
  }
}

ExitTable select_rows(const ExitTable& t, std::span<const int64_t> rows) {
  ExitTable out;
  out.regression = t.regression;
  out.num_labels = t.num_labels;
  out.layers = t.layers;
  const auto copy = [&](const auto& from, auto* to, int64_t width) {
    to->reserve(rows.size() * static_cast<size_t>(width));
    for (int64_t row : rows) {
      const auto begin = from.begin() + row * width;
      to->insert(to->end(), begin, begin + width);
    }
  };
  const int64_t e = t.exits();
  copy(t.logits, &out.logits, e * t.num_labels);
  copy(t.label, &out.label, e);
  copy(t.prob, &out.prob, e);
  copy(t.margin, &out.margin, e);
  copy(t.entropy, &out.entropy, e);
  copy(t.value, &out.value, e);
  copy(t.uncertainty, &out.uncertainty, e);
  copy(t.tokens, &out.tokens, 1);
  return out;
}

void decide_exits(const ExitTable& t, const ExitPolicy& policy, std::vector<int32_t>* out) {
  out->clear();
  if (t.rows() == 0) return;
  const int64_t fixed = check_fits(t, policy), last = t.exits() - 1;
  if (fixed >= 0 || policy.kind == PolicyKind::never) {
    out->assign(static_cast<size_t>(t.rows()), static_cast<int32_t>(fixed >= 0 ? fixed : last));
    return;
  }
  out->reserve(static_cast<size_t>(t.rows()));
  for (int64_t row = 0; row < t.rows(); ++row) {
    exits::ExitState state;
    int64_t e = 0;
    for (; e < last; ++e) {
      const size_t i = t.at(row, e);
      const exits::ExitScore score{t.label[i],   t.prob[i],  t.margin[i],
                                   t.entropy[i], t.value[i], t.uncertainty[i]};
      if (exits::leaves(policy, t.regression, t.layers[static_cast<size_t>(e)], score, &state))
        break;
    }
    out->push_back(static_cast<int32_t>(e));
  }
}

std::vector<Decision> decide(const ExitTable& t, const ExitPolicy& policy) {
  std::vector<int32_t> exits;
  decide_exits(t, policy, &exits);
  std::vector<Decision> out(exits.size());
  for (size_t row = 0; row < exits.size(); ++row) {
    const size_t i = t.at(static_cast<int64_t>(row), exits[row]);
    out[row] = {.exit = exits[row],
                .layer = t.layers[static_cast<size_t>(exits[row])],
                .label = t.label[i],
                .prob = t.prob[i],
                .entropy = t.entropy[i],
                .value = t.value[i]};
  }
  return out;
}

}  // namespace costeff
