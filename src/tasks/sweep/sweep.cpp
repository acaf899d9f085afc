#include "tasks/sweep/sweep.h"

#include <costeff/tune.h>

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tasks/lines/label_list.h"
#include "tasks/sweep/risk_coverage.h"

namespace costeff::tasks {
namespace {

constexpr int kBins = 10;

}  // namespace

SweepPoint sweep_point(const CurveSetting& s) {
  const PolicyWords words = policy_words(s.policy);
  SweepPoint p;
  p.policy = s.policy;
  p.family = s.family;
  p.name = words.name;
  p.setting = words.setting;
  p.text = words.text;
  p.fitted = s.fitted;
  // Patience of a regression: with its threshold.
  if (s.policy.kind == PolicyKind::patience && !s.policy.thresholds.empty())
    p.setting = words.text.substr(words.text.find(' ') + 1);
  return p;
}

std::string answer_name(const SweepReport& r, int64_t label) {
  const auto i = static_cast<size_t>(label);
  if (!is_multi_label(r)) return i < r.labels.size() ? r.labels[i] : fmt::format("{}", label);
  std::string out;
  append_label_list(r.labels, r.label_sets.at(static_cast<int32_t>(label)), &out);
  return out;
}

std::string quality_name(ProblemType problem, bool labelled) {
  if (problem == ProblemType::regression) return "pearson";
  if (!labelled) return "agreement";
  return problem == ProblemType::multi_label ? "subset accuracy" : "accuracy";
}

std::string command_of(const SweepReport& r, size_t point) {
  const std::string& flags = r.points[point].flags;
  return point == 0 || flags.empty() || r.tune_command.empty() ? "" : r.tune_command + " " + flags;
}

bool is_own(const SweepReport& r, const SweepPoint& p) {
  return policy_text(p.policy) == policy_text(r.own.value_or(ExitPolicy{}));
}

std::vector<int64_t> gold_of_table(const Evaluated& data) {
  std::vector<int64_t> gold(data.labels.begin(), data.labels.end());
  return data.first_window.empty() ? gold : gold_of_windows(gold, data.first_window);
}

SweepEvaluator::SweepEvaluator(const Evaluated& data, const ModelInfo& model)
    : data_(data), model_(model) {
  const ExitTable& t = data.table;
  rows_ = data.first_window.empty() ? t.rows() : static_cast<int64_t>(data.first_window.size()) - 1;
  intervals_.resize(static_cast<size_t>(rows_) + 1);
  full_ = decisions_at({});
  if (is_regression(t)) full_correlation_ = correlation_of(full_);
  for (const int32_t tokens : t.tokens) {
    full_macs_ += static_cast<double>(
        macs(model, std::max<int64_t>(tokens, data.pad_to), t.layers.back(), false));
  }
  full_macs_ /= static_cast<double>(std::max<int64_t>(1, rows_));
}

const std::vector<double>& SweepEvaluator::costs(const ExitPolicy& policy) {
  const bool adaptive = asks_exits(policy);
  for (const Costs& c : costs_) {
    if (c.adaptive == adaptive && (!adaptive || c.exit_start == policy.exit_start)) return c.macs;
  }
  const ExitTable& t = data_.table;
  Costs c{adaptive, policy.exit_start, {}};
  c.macs.resize(t.label.size());
  for (int64_t row = 0; row < t.rows(); ++row) {
    const int64_t tokens = std::max<int64_t>(t.tokens[static_cast<size_t>(row)], data_.pad_to);
    for (int64_t e = 0; e < t.exits(); ++e) {
      c.macs[t.at(row, e)] = static_cast<double>(
          policy_macs(model_, policy, tokens, t.layers[static_cast<size_t>(e)]));
    }
  }
  return costs_.emplace_back(std::move(c)).macs;
}

// [rows of the table, E]
const std::vector<int32_t>& SweepEvaluator::labels_at_exits(const ExitPolicy& policy) {
  if (!averages(policy)) return data_.table.label;
  if (averaged_exits_ != policy.patience) averaged_ = labels_by_exit(data_.table, policy);
  averaged_exits_ = policy.patience;
  return averaged_;
}

std::vector<Decision> SweepEvaluator::decisions_at(const ExitPolicy& policy) const {
  return data_.first_window.empty()
             ? decide(data_.table, policy)
             : join_decisions(data_.table, policy, data_.first_window, data_.join);
}

std::vector<Decision> SweepEvaluator::decisions_at_exit(int64_t exit) const {
  ExitPolicy fixed;
  fixed.kind = PolicyKind::fixed;
  fixed.layer = data_.table.layers[static_cast<size_t>(exit)];
  return decisions_at(fixed);
}

// Of a regression's answers with the scores of the rows.
double SweepEvaluator::correlation_of(const std::vector<Decision>& decisions) {
  values_.clear();
  for (const Decision& d : decisions) values_.push_back(static_cast<double>(d.value));
  return pearson(values_, data_.scores);
}

// Fills answers_ and macs_.
void SweepEvaluator::answer(const ExitPolicy& policy) {
  const ExitTable& t = data_.table;
  decide_exits(t, policy, &exits_);
  const std::vector<double>& cost = costs(policy);
  macs_ = 0;
  for (int64_t row = 0; row < t.rows(); ++row)
    macs_ += cost[t.at(row, exits_[static_cast<size_t>(row)])];
  answers_.clear();
  if (!data_.first_window.empty()) {
    for (const Decision& d : decisions_at(policy))
      answers_.push_back({d.label, d.layer, static_cast<double>(d.value)});
    return;
  }
  const std::vector<int32_t>& label = labels_at_exits(policy);
  for (int64_t row = 0; row < t.rows(); ++row) {
    const int64_t e = exits_[static_cast<size_t>(row)];
    const size_t at = t.at(row, e);
    answers_.push_back(
        {label[at], t.layers[static_cast<size_t>(e)], static_cast<double>(t.value[at])});
  }
}

Interval SweepEvaluator::interval_of(int64_t right) {
  auto& known = intervals_[static_cast<size_t>(right)];
  if (!known) known = binomial_interval(right, rows_);
  return *known;
}

// Of a classifier: the label of the row, or without labels that of full depth.
int64_t SweepEvaluator::truth(int64_t row) const {
  const auto i = static_cast<size_t>(row);
  return data_.labels.empty() ? full_[i].label : data_.labels[i];
}

void SweepEvaluator::evaluate(SweepPoint* p) {
  answer(p->policy);
  p->histogram.assign(static_cast<size_t>(data_.table.layers.back()), 0);
  p->losses = p->gains = 0;
  int64_t right = 0, layers = 0, full_right = 0;
  double agree = 0;
  values_.clear();
  for (int64_t row = 0; row < rows_; ++row) {
    const Answer& a = answers_[static_cast<size_t>(row)];
    const Decision& full = full_[static_cast<size_t>(row)];
    ++p->histogram[static_cast<size_t>(a.layer - 1)];
    layers += a.layer;
    if (is_regression(data_.table)) {
      agree += std::abs(a.value - static_cast<double>(full.value));
      values_.push_back(a.value);
      continue;
    }
    agree += a.label == full.label;
    const bool now = a.label == truth(row), before = full.label == truth(row);
    right += now;
    full_right += before;
    p->losses += before && !now;
    p->gains += now && !before;
  }
  const auto n = static_cast<double>(rows_);
  p->agreement = agree / n;
  if (is_regression(data_.table)) {
    p->interval = p->change_interval = {kNaN, kNaN};
    p->quality = pearson(values_, data_.scores);
    p->spearman = spearman(values_, data_.scores);
    p->change = p->quality - full_correlation_;
  } else {
    p->quality = static_cast<double>(right) / n;
    p->interval = interval_of(right);
    p->change = static_cast<double>(right - full_right) / n;
    p->change_interval = data_.labels.empty() ? Interval{p->interval.low - 1, p->interval.high - 1}
                                              : paired_interval(p->losses, p->gains, rows_);
  }
  p->mean_layer = static_cast<double>(layers) / n;
  const auto depth = static_cast<double>(data_.table.layers.back());
  p->layers_saved = 1 - p->mean_layer / depth;
  p->speedup_layers = depth / p->mean_layer;
  p->macs = macs_ / n;
  p->speedup_macs = full_macs_ / p->macs;
}

ExitSummary SweepEvaluator::exit_summary(int64_t exit) {
  ExitSummary s;
  s.layer = data_.table.layers[static_cast<size_t>(exit)];
  const std::vector<Decision> decisions = decisions_at_exit(exit);
  if (is_regression(data_.table)) {
    s.interval = {kNaN, kNaN};
    s.quality = correlation_of(decisions);
    return s;
  }
  for (int b = 0; b < kBins; ++b)
    s.bins.push_back({static_cast<double>(b) / kBins, static_cast<double>(b + 1) / kBins});
  int64_t right = 0;
  std::vector<JudgedAnswer> judged;
  for (int64_t row = 0; row < rows_; ++row) {
    const Decision& d = decisions[static_cast<size_t>(row)];
    const bool ok = d.label == truth(row);
    right += ok;
    judged.push_back({d.entropy, ok});
    s.mean_entropy += static_cast<double>(d.entropy);
    const auto prob = static_cast<double>(d.prob);
    const int b = std::clamp(static_cast<int>(std::ceil(prob * kBins)) - 1, 0, kBins - 1);
    ReliabilityBin& bin = s.bins[static_cast<size_t>(b)];
    ++bin.rows;
    bin.right += ok;
    bin.mean_prob += prob;
  }
  const auto n = static_cast<double>(rows_);
  s.quality = static_cast<double>(right) / n;
  s.interval = interval_of(right);
  s.risk = risk_coverage(std::move(judged));
  s.mean_entropy /= n;
  for (ReliabilityBin& bin : s.bins) {
    if (bin.rows == 0) continue;
    s.ece += std::abs(static_cast<double>(bin.right) - bin.mean_prob) / n;
    bin.mean_prob /= static_cast<double>(bin.rows);
  }
  return s;
}

AnswerCounts SweepEvaluator::answer_counts(const ExitPolicy& policy) {
  answer(policy);
  AnswerCounts c;
  const int64_t labels = data_.table.num_labels;
  if (is_multi_label(data_.table)) {
    std::vector<SetRow> sets;
    const LabelSets& known = data_.table.label_sets;
    for (int64_t row = 0; row < rows_; ++row) {
      sets.push_back({&known.at(static_cast<int32_t>(truth(row))),
                      &known.at(static_cast<int32_t>(answers_[static_cast<size_t>(row)].label))});
    }
    c.by_label = count_labels(sets, labels);
    return c;
  }
  c.confusion = Confusion(labels);
  c.by_label.resize(static_cast<size_t>(labels));
  for (int64_t row = 0; row < rows_; ++row) {
    const int64_t gold = truth(row), answered = answers_[static_cast<size_t>(row)].label;
    c.confusion.add(gold, answered);
    ++c.by_label[static_cast<size_t>(gold)].gold;
    ++c.by_label[static_cast<size_t>(answered)].answered;
    c.by_label[static_cast<size_t>(gold)].both += gold == answered;
  }
  return c;
}

int64_t SweepEvaluator::disagreeing_rows() {
  if (is_regression(data_.table)) return 0;
  std::vector<bool> differs(static_cast<size_t>(rows_));
  for (int64_t e = 0; e + 1 < data_.table.exits(); ++e) {
    const std::vector<Decision> early = decisions_at_exit(e);
    for (size_t i = 0; i < early.size(); ++i)
      if (early[i].label != full_[i].label) differs[i] = true;
  }
  return std::count(differs.begin(), differs.end(), true);
}

}  // namespace costeff::tasks
