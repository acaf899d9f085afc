#include "tasks/judge/sweep.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/format.h"
#include "tasks/judge/metrics.h"
#include "tasks/lines/label_list.h"

namespace costeff::tasks {
namespace {

constexpr int kBins = 10;
constexpr size_t kTextBytes = 600;  // of a text in a report

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const size_t n = v.size();
  return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

// The beginning of a text, cut between code points.
std::string head(const std::string& text) {
  if (text.size() <= kTextBytes) return text;
  size_t end = kTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

SweepPoint sweep_point(const CurveSetting& s) {
  const PolicyWords words = policy_words(s.policy);
  SweepPoint p;
  p.policy = s.policy;
  p.family = s.family;
  p.name = words.name;
  p.setting = words.setting;
  p.text = words.text;
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

SweepEvaluator::SweepEvaluator(const Evaluated& data, const ModelInfo& model)
    : data_(data), model_(model) {
  const ExitTable& t = data.table;
  intervals_.resize(static_cast<size_t>(t.rows()) + 1);
  for (const int32_t tokens : t.tokens) {
    full_macs_ += static_cast<double>(
        macs(model, std::max<int64_t>(tokens, data.pad_to), t.layers.back(), false));
  }
  full_macs_ /= static_cast<double>(std::max<int64_t>(1, t.rows()));
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

// The labels that rows get at each exit, [rows, E].
const std::vector<int32_t>& SweepEvaluator::answers(const ExitPolicy& policy) {
  if (!averages(policy)) return data_.table.label;
  if (averaged_exits_ != policy.patience) averaged_ = labels_by_exit(data_.table, policy);
  averaged_exits_ = policy.patience;
  return averaged_;
}

Interval SweepEvaluator::interval_of(int64_t right) {
  auto& known = intervals_[static_cast<size_t>(right)];
  if (!known) known = binomial_interval(right, data_.table.rows());
  return *known;
}

// For a classifier: compares a label with the row's label, or without labels with the last exit.
bool SweepEvaluator::is_right(int32_t label, int64_t row) const {
  const ExitTable& t = data_.table;
  const int64_t truth = data_.labels.empty() ? t.label[t.at(row, t.exits() - 1)]
                                             : data_.labels[static_cast<size_t>(row)];
  return label == truth;
}

void SweepEvaluator::evaluate(SweepPoint* p) {
  const ExitTable& t = data_.table;
  decide_exits(t, p->policy, &exits_);
  const std::vector<int32_t>& answered = answers(p->policy);
  const std::vector<double>& cost = costs(p->policy);
  p->histogram.assign(static_cast<size_t>(t.layers.back()), 0);
  int64_t right = 0, layers = 0;
  double agree = 0, sum = 0;
  values_.clear();
  for (int64_t row = 0; row < t.rows(); ++row) {
    const int64_t e = exits_[static_cast<size_t>(row)];
    const size_t at = t.at(row, e), last = t.at(row, t.exits() - 1);
    const int64_t layer = t.layers[static_cast<size_t>(e)];
    ++p->histogram[static_cast<size_t>(layer - 1)];
    layers += layer;
    sum += cost[at];
    if (is_regression(t)) {
      agree += std::abs(static_cast<double>(t.value[at]) - static_cast<double>(t.value[last]));
      values_.push_back(t.value[at]);
    } else {
      agree += answered[at] == t.label[last];
      right += is_right(answered[at], row);
    }
  }
  const auto n = static_cast<double>(t.rows());
  p->agreement = agree / n;
  if (is_regression(t)) {
    p->interval = {kNaN, kNaN};
    p->quality = pearson(values_, data_.scores);
    p->spearman = spearman(values_, data_.scores);
  } else {
    p->quality = static_cast<double>(right) / n;
    p->interval = interval_of(right);
  }
  p->mean_layer = static_cast<double>(layers) / n;
  const auto depth = static_cast<double>(t.layers.back());
  p->layers_saved = 1 - p->mean_layer / depth;
  p->speedup_layers = depth / p->mean_layer;
  p->macs = sum / n;
  p->speedup_macs = full_macs_ / p->macs;
}

ExitSummary SweepEvaluator::exit_summary(int64_t exit) const {
  const ExitTable& t = data_.table;
  ExitSummary s;
  s.layer = t.layers[static_cast<size_t>(exit)];
  for (int b = 0; b < kBins; ++b)
    s.bins.push_back({static_cast<double>(b) / kBins, static_cast<double>(b + 1) / kBins});
  int64_t right = 0;
  std::vector<double> values;
  for (int64_t row = 0; row < t.rows(); ++row) {
    const size_t at = t.at(row, exit);
    if (is_regression(t)) {
      values.push_back(t.value[at]);
      continue;
    }
    const bool ok = is_right(t.label[at], row);
    right += ok;
    s.mean_entropy += static_cast<double>(t.entropy[at]);
    const auto prob = static_cast<double>(t.prob[at]);
    const int b = std::clamp(static_cast<int>(std::ceil(prob * kBins)) - 1, 0, kBins - 1);
    ReliabilityBin& bin = s.bins[static_cast<size_t>(b)];
    ++bin.rows;
    bin.right += ok;
    bin.mean_prob += prob;
  }
  const auto n = static_cast<double>(t.rows());
  if (is_regression(t)) {
    s.bins.clear();
    s.interval = {kNaN, kNaN};
    s.quality = pearson(values, data_.scores);
    return s;
  }
  s.quality = static_cast<double>(right) / n;
  s.interval = binomial_interval(right, t.rows());
  s.mean_entropy /= n;
  for (ReliabilityBin& bin : s.bins) {
    if (bin.rows == 0) continue;
    s.ece += std::abs(static_cast<double>(bin.right) - bin.mean_prob) / n;
    bin.mean_prob /= static_cast<double>(bin.rows);
  }
  return s;
}

void mark_pareto(std::vector<SweepPoint>* points) {
  std::vector<size_t> order(points->size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto& p = *points;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (p[a].macs != p[b].macs) return p[a].macs < p[b].macs;
    return p[a].quality > p[b].quality;
  });
  double best = -std::numeric_limits<double>::infinity();
  for (const size_t i : order) {
    (*points)[i].pareto = p[i].quality > best;
    best = std::max(best, p[i].quality);
  }
}

void DisagreementKeeper::add(std::span<const Example> rows, const ExitTable& t) {
  if (is_regression(t)) return;
  const auto surer = [](const Disagreement& a, const Disagreement& b) {
    return a.early_prob != b.early_prob ? a.early_prob > b.early_prob : a.row < b.row;
  };
  by_exit_.resize(static_cast<size_t>(t.exits()) - 1);
  for (size_t i = 0; i < rows.size(); ++i, ++seen_) {
    const size_t last = t.at(seen_, t.exits() - 1);
    bool differs = false;
    for (size_t e = 0; e < by_exit_.size(); ++e) {
      const size_t at = t.at(seen_, static_cast<int64_t>(e));
      if (t.label[at] == t.label[last]) continue;
      differs = true;
      Disagreement d;
      d.row = seen_;
      d.early_prob = t.prob[at];
      auto& heap = by_exit_[e];
      const bool full = static_cast<int64_t>(heap.size()) >= limit_;
      if (limit_ == 0 || (full && !surer(d, heap.front()))) continue;
      d.id = rows[i].id;
      d.text = rows[i].has_ids ? "(token ids)" : head(rows[i].text_a);
      d.pair = rows[i].text_b ? head(*rows[i].text_b) : "";
      d.gold = head(rows[i].gold);
      d.layer = t.layers[e];
      d.early_label = t.label[at];
      d.last_label = t.label[last];
      d.last_prob = t.prob[last];
      if (full) {
        std::pop_heap(heap.begin(), heap.end(), surer);
        heap.pop_back();
      }
      heap.push_back(std::move(d));
      std::push_heap(heap.begin(), heap.end(), surer);
    }
    disagreeing_ += differs;
  }
}

std::vector<Disagreement> DisagreementKeeper::take() {
  std::vector<Disagreement> all, out;
  for (auto& heap : by_exit_) std::move(heap.begin(), heap.end(), std::back_inserter(all));
  by_exit_.clear();
  std::stable_sort(all.begin(), all.end(), [](const Disagreement& a, const Disagreement& b) {
    return a.early_prob != b.early_prob ? a.early_prob > b.early_prob : a.row < b.row;
  });
  for (Disagreement& d : all) {
    const bool known =
        std::any_of(out.begin(), out.end(), [&](const Disagreement& o) { return o.row == d.row; });
    if (!known && static_cast<int64_t>(out.size()) < limit_) out.push_back(std::move(d));
  }
  return out;
}

void finish_timing(int64_t rows, std::span<const double> full, SweepTiming* t) {
  const auto n = static_cast<double>(rows);
  const auto [fastest, slowest] = std::minmax_element(t->seconds.begin(), t->seconds.end());
  t->rows_per_s = n / median(t->seconds);
  t->rows_per_s_low = n / *slowest;
  t->rows_per_s_high = n / *fastest;
  std::vector<double> ratios;
  for (size_t i = 0; i < t->seconds.size(); ++i) ratios.push_back(full[i] / t->seconds[i]);
  t->speedup = median(ratios);
}

std::vector<size_t> pick_points(const std::vector<SweepPoint>& points, size_t count) {
  std::vector<size_t> front;
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i].pareto) front.push_back(i);
  }
  std::sort(front.begin(), front.end(),
            [&](size_t a, size_t b) { return points[a].macs < points[b].macs; });
  if (front.size() <= count || count < 2) return front;
  std::vector<size_t> out{front.front()};
  const double low = points[front.front()].macs, high = points[front.back()].macs;
  for (size_t i = 1; i + 1 < count; ++i) {
    const double wanted =
        low + (high - low) * static_cast<double>(i) / static_cast<double>(count - 1);
    const size_t nearest = *std::min_element(front.begin(), front.end(), [&](size_t a, size_t b) {
      return std::abs(points[a].macs - wanted) < std::abs(points[b].macs - wanted);
    });
    if (points[nearest].macs > points[out.back()].macs) out.push_back(nearest);
  }
  if (out.back() != front.back()) out.push_back(front.back());
  return out;
}

}  // namespace costeff::tasks
