#include <costeff/error.h>
#include <costeff/exit_table.h>
#include <costeff/policy.h>

#include <algorithm>
#include <string>

#include "exit/kept_probs.h"
#include "exit/policy.h"
#include "exit/window_join.h"

namespace costeff {
namespace {

void start_table(const Result& first, ProblemType problem, ExitTable* t) {
  t->problem = problem;
  t->num_labels = static_cast<int64_t>(first.exits.front().logits.size());
  for (const ExitOutput& e : first.exits) t->layers.push_back(e.layer);
}

void check_row(const Result& r, const ExitTable& t) {
  bool fits = static_cast<int64_t>(r.exits.size()) == t.exits();
  for (size_t e = 0; fits && e < r.exits.size(); ++e) {
    fits = r.exits[e].layer == t.layers[e] &&
           static_cast<int64_t>(r.exits[e].logits.size()) == t.num_labels;
  }
  if (!fits) throw Error(ErrorKind::internal, "a row with other exits than its table");
}

// The means of `count` exits of a row that end with one.
class MeanAnswers {
 public:
  MeanAnswers(const ExitTable& t, int64_t count)
      : table_(t),
        scoring_{t.problem, t.label_thresholds},
        count_(count),
        probs_(static_cast<size_t>(t.num_labels)),
        sums_(probs_.size()) {}

  // The same arithmetic in the same order as in the engine.
  exits::ExitScore at(int64_t row, int64_t exit) {
    const size_t labels = probs_.size();
    for (int64_t e = exit - count_ + 1; e <= exit; ++e) {
      const std::span<const float> logits(table_.logits.data() + table_.at(row, e) * labels,
                                          labels);
      exits::score_logits(scoring_, logits, probs_);
      for (size_t c = 0; c < labels; ++c)
        sums_[c] = e == exit - count_ + 1 ? probs_[c] : sums_[c] + probs_[c];
    }
    exits::ExitScore s = exits::score_at(table_, table_.at(row, exit));
    exits::average_answer(scoring_, count_, sums_, &s);
    if (is_multi_label(table_)) {
      exits::choose_labels(scoring_, sums_, &chosen_);
      s.label = table_.label_sets.number_of(chosen_);
    }
    return s;
  }
  // [C] of the last at().
  std::span<const float> probs() const { return sums_; }

 private:
  const ExitTable& table_;
  exits::Scoring scoring_;
  int64_t count_;
  std::vector<float> probs_, sums_;  // [C]
  std::vector<int32_t> chosen_;
};

}  // namespace

int32_t LabelSets::number_of(const std::vector<int32_t>& labels) {
  const auto [it, is_new] = numbers_.try_emplace(labels, static_cast<int32_t>(sets_.size()));
  if (is_new) sets_.push_back(labels);
  return it->second;
}

void append(std::span<const Result> results, ProblemType problem, ExitTable* t) {
  std::vector<float> probs, before;
  std::vector<int32_t> labels;
  const exits::Scoring scoring{problem, t->label_thresholds};
  for (const Result& r : results) {
    if (r.exits.empty()) throw Error(ErrorKind::internal, "a row without the answers of its exits");
    if (t->layers.empty()) start_table(r, problem, t);
    check_row(r, *t);
    before.clear();
    for (const ExitOutput& e : r.exits) {
      probs.resize(e.logits.size());
      exits::ExitScore s = exits::score_logits(scoring, e.logits, probs);
      if (is_multi_label(*t)) {
        exits::choose_labels(scoring, probs, &labels);
        s.label = t->label_sets.number_of(labels);
      }
      t->logits.insert(t->logits.end(), e.logits.begin(), e.logits.end());
      t->label.push_back(s.label);
      t->prob.push_back(s.prob);
      t->margin.push_back(s.margin);
      t->entropy.push_back(s.entropy);
      t->value.push_back(s.value);
      t->uncertainty.push_back(e.uncertainty);
      const bool compares = !before.empty() && !is_regression(*t);
      t->divergence.push_back(compares ? exits::divergence(problem, before, probs) : 0);
      before.swap(probs);
    }
    t->tokens.push_back(static_cast<int32_t>(r.tokens));
  }
}

ExitTable select_rows(const ExitTable& t, std::span<const int64_t> rows) {
  ExitTable out;
  out.problem = t.problem;
  out.label_thresholds = t.label_thresholds;
  out.label_sets = t.label_sets;
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
  copy(t.divergence, &out.divergence, e);
  copy(t.tokens, &out.tokens, 1);
  return out;
}

ModelExits exits_of(const ExitTable& t) {
  ModelExits m;
  m.layers = t.layers;
  m.num_labels = t.num_labels;
  m.problem = t.problem;
  // All rows have it at the same exits.
  const auto first = t.uncertainty.begin();
  m.learned = t.rows() > 0 && std::any_of(first, first + t.exits(), [](float u) { return u >= 0; });
  return m;
}

void decide_exits(const ExitTable& t, const ExitPolicy& policy, std::vector<int32_t>* out) {
  out->clear();
  if (t.rows() == 0) return;
  check_policy(exits_of(t), policy);
  const int64_t last = t.exits() - 1;
  if (!asks_exits(policy)) {
    const auto at = policy.kind == PolicyKind::fixed
                        ? std::find(t.layers.begin(), t.layers.end(), policy.layer)
                        : t.layers.end() - 1;
    out->assign(static_cast<size_t>(t.rows()), static_cast<int32_t>(at - t.layers.begin()));
    return;
  }
  out->reserve(static_cast<size_t>(t.rows()));
  for (int64_t row = 0; row < t.rows(); ++row) {
    exits::ExitState state;
    int64_t e = 0;
    while (e < last && !exits::leaves(policy, t.problem, t.layers[static_cast<size_t>(e)],
                                      exits::score_at(t, t.at(row, e)), &state)) {
      ++e;
    }
    out->push_back(static_cast<int32_t>(e));
  }
}

std::vector<int32_t> labels_by_exit(const ExitTable& t, const ExitPolicy& policy) {
  std::vector<int32_t> out = t.label;
  if (!averages(policy)) return out;
  MeanAnswers means(t, policy.patience);
  for (int64_t row = 0; row < t.rows(); ++row) {
    for (int64_t e = policy.patience - 1; e < t.exits() - 1; ++e)
      out[t.at(row, e)] = means.at(row, e).label;
  }
  return out;
}

std::vector<Decision> decide(const ExitTable& t, const ExitPolicy& policy) {
  std::vector<int32_t> exits;
  decide_exits(t, policy, &exits);
  MeanAnswers means(t, policy.patience);
  std::vector<Decision> out(exits.size());
  for (size_t row = 0; row < exits.size(); ++row) {
    const size_t i = t.at(static_cast<int64_t>(row), exits[row]);
    out[row] = {.exit = exits[row],
                .layer = t.layers[static_cast<size_t>(exits[row])],
                .label = t.label[i],
                .prob = t.prob[i],
                .entropy = t.entropy[i],
                .value = t.value[i]};
    if (!averages(policy) || exits[row] == t.exits() - 1) continue;
    const exits::ExitScore mean = means.at(static_cast<int64_t>(row), exits[row]);
    out[row].label = mean.label;
    out[row].prob = mean.prob;
    out[row].entropy = mean.entropy;
  }
  return out;
}

std::vector<Decision> join_decisions(const ExitTable& t, const ExitPolicy& policy,
                                     std::span<const int64_t> first, WindowJoin join) {
  const exits::Scoring scoring{t.problem, t.label_thresholds};
  const auto labels = static_cast<size_t>(t.num_labels);
  MeanAnswers means(t, policy.patience);
  std::vector<float> probs(labels), logits(labels);
  std::vector<int32_t> chosen;
  const std::vector<Decision> windows = decide(t, policy);
  std::vector<Decision> out;
  for (size_t i = 0; i + 1 < first.size(); ++i) {
    out.push_back(windows[static_cast<size_t>(first[i])]);
    if (first[i + 1] - first[i] == 1) continue;
    Decision& d = out.back();
    exits::JoinedAnswer joined(t.num_labels);
    for (int64_t w = first[i]; w < first[i + 1]; ++w) {
      const Decision& window = windows[static_cast<size_t>(w)];
      if (window.exit > d.exit) {
        d.exit = window.exit;
        d.layer = window.layer;
      }
      const std::span<const float> of(t.logits.data() + t.at(w, window.exit) * labels, labels);
      if (is_regression(t)) {
        joined.add(join, of);
      } else if (averages(policy) && window.exit < t.exits() - 1) {
        (void)means.at(w, window.exit);
        joined.add(join, means.probs());
      } else {
        exits::score_logits(scoring, of, probs);
        joined.add(join, probs);
      }
    }
    const exits::ExitScore s = joined.finish(scoring, join, probs, logits);
    d.label = s.label;
    d.prob = s.prob;
    d.entropy = s.entropy;
    d.value = s.value;
    if (is_multi_label(t)) {
      exits::choose_labels(scoring, probs, &chosen);
      d.label = t.label_sets.number_of(chosen);
    }
  }
  return out;
}

ExitTable join_exits(const ExitTable& t, std::span<const int64_t> first, WindowJoin join) {
  const exits::Scoring scoring{t.problem, t.label_thresholds};
  const auto labels = static_cast<size_t>(t.num_labels);
  std::vector<float> probs(labels);
  ExitTable out;
  out.label_thresholds = t.label_thresholds;
  out.label_sets = t.label_sets;
  for (size_t i = 0; i + 1 < first.size(); ++i) {
    Result text;
    for (int64_t e = 0; e < t.exits(); ++e) {
      ExitOutput& exit = text.exits.emplace_back();
      exit.layer = t.layers[static_cast<size_t>(e)];
      exit.logits.resize(labels);
      exits::JoinedAnswer joined(t.num_labels);
      for (int64_t w = first[i]; w < first[i + 1]; ++w) {
        const std::span<const float> of(t.logits.data() + t.at(w, e) * labels, labels);
        if (!is_regression(t)) exits::score_logits(scoring, of, probs);
        joined.add(join, is_regression(t) ? of : std::span<const float>(probs));
        exit.uncertainty = std::max(exit.uncertainty, t.uncertainty[t.at(w, e)]);
        if (e == 0) text.tokens += t.tokens[static_cast<size_t>(w)];
      }
      const size_t at = t.at(first[i], e) * labels;
      if (joined.count() == 1) {
        exit.logits.assign(t.logits.begin() + static_cast<std::ptrdiff_t>(at),
                           t.logits.begin() + static_cast<std::ptrdiff_t>(at + labels));
      } else {
        joined.finish(scoring, join, probs, exit.logits);
      }
    }
    append(std::span<const Result>(&text, 1), t.problem, &out);
  }
  return out;
}

}  // namespace costeff
