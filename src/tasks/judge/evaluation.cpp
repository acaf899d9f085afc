#include "tasks/judge/evaluation.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace costeff::tasks {
namespace {

MetricValue label_metric(Metric metric, const Confusion& c, const ScoreOptions& o) {
  MetricValue m;
  m.metric = metric;
  if (metric == Metric::accuracy) {
    m.value = accuracy(c);
    m.interval = binomial_interval(c.correct(), c.rows(), o.bootstrap.confidence);
    m.exact = true;
    return m;
  }
  const ConfusionStatistic statistic = [&](const Confusion& draw) {
    return label_metric_of(metric, draw, o.positive);
  };
  m.value = statistic(c);
  m.interval = bootstrap(c, statistic, o.bootstrap);
  return m;
}

MetricValue score_metric(Metric metric, std::span<const double> answered,
                         std::span<const double> gold, const ScoreOptions& o) {
  MetricValue m;
  m.metric = metric;
  const auto rows = static_cast<int64_t>(gold.size());
  if (metric == Metric::pearson) {
    m.value = pearson(answered, gold);
    m.interval = bootstrap(rows, pearson_statistic(answered, gold), o.bootstrap);
  } else {
    m.value = spearman(answered, gold);
    m.interval = bootstrap(rows, spearman_statistic(answered, gold), o.bootstrap);
  }
  return m;
}

// Multi-label rows.
void score_sets(const Evaluated& data, const std::vector<Decision>& decisions,
                const ScoreOptions& o, Score* s) {
  const ExitTable& t = data.table;
  std::vector<SetRow> rows;
  int64_t right = 0;
  for (size_t i = 0; i < decisions.size(); ++i) {
    rows.push_back({&t.label_sets.at(data.labels[i]),
                    &t.label_sets.at(static_cast<int32_t>(decisions[i].label))});
    right += data.labels[i] == decisions[i].label;
  }
  s->by_label = count_labels(rows, t.num_labels);
  for (const Metric metric : o.metrics) {
    MetricValue m;
    m.metric = metric;
    m.value = set_metric(metric, rows, t.num_labels);
    m.exact = metric == Metric::subset_accuracy;
    const auto n = static_cast<int64_t>(rows.size());
    m.interval = m.exact ? binomial_interval(right, n, o.bootstrap.confidence)
                         : bootstrap(n, set_statistic(metric, rows, t.num_labels), o.bootstrap);
    s->metrics.push_back(m);
  }
}

// Counts exits, layers and cost. windows: what each row of the table leaves by.
void add_costs(const Evaluated& data, const ModelInfo& model, const ExitPolicy& policy,
               const std::vector<Decision>& windows, const std::vector<Decision>& decisions,
               Score* s) {
  const auto depth = static_cast<int64_t>(model.layers.size());
  s->exit_histogram.assign(static_cast<size_t>(depth), 0);
  int64_t layers = 0;
  double entropy = 0;
  for (const Decision& d : decisions) {
    ++s->exit_histogram[static_cast<size_t>(d.layer - 1)];
    layers += d.layer;
    entropy += static_cast<double>(d.entropy);
  }
  ExitPolicy never;
  // Those of the same length that leave at the same layer cost the same.
  std::map<std::pair<int64_t, int64_t>, int64_t> alike;
  for (size_t i = 0; i < windows.size(); ++i)
    ++alike[{std::max<int64_t>(data.table.tokens[i], data.pad_to), windows[i].layer}];
  double used = 0, full = 0;
  for (const auto& [key, count] : alike) {
    const auto& [tokens, layer] = key;
    const auto n = static_cast<double>(count);
    used += n * static_cast<double>(policy_macs(model, policy, tokens, layer));
    full += n * static_cast<double>(policy_macs(model, never, tokens, depth));
  }
  const auto rows = static_cast<double>(decisions.size());
  const double all_layers = rows * static_cast<double>(depth);
  s->mean_exit_layer = static_cast<double>(layers) / rows;
  s->layers_saved = 1 - static_cast<double>(layers) / all_layers;
  s->speedup_layers = all_layers / static_cast<double>(layers);
  s->macs = used / rows;
  s->speedup_macs = full / used;
  s->mean_entropy = is_regression(data.table) ? kNaN : entropy / rows;
}

}  // namespace

void append_gold(const LabelMap& map, std::span<const Example> rows, Evaluated* to) {
  for (const Example& row : rows) {
    const GoldLabel gold = parse_gold(map, row);
    if (is_regression(map)) {
      to->scores.push_back(gold.score);
    } else if (is_multi_label(map)) {
      to->labels.push_back(to->table.label_sets.number_of(gold.labels));
    } else {
      to->labels.push_back(static_cast<int32_t>(gold.label));
    }
  }
}

std::vector<Metric> default_metrics(const Task* task, const ModelInfo& model) {
  if (task) return {task->metrics.begin(), task->metrics.end()};
  if (is_regression(model)) return {Metric::pearson, Metric::spearman};
  if (is_multi_label(model)) {
    return {Metric::subset_accuracy, Metric::micro_f1, Metric::macro_f1, Metric::sample_f1,
            Metric::hamming_loss};
  }
  return {Metric::accuracy, model.num_labels == 2 ? Metric::f1 : Metric::macro_f1,
          Metric::matthews};
}

int64_t policy_macs(const ModelInfo& model, const ExitPolicy& policy, int64_t tokens,
                    int64_t exit_layer) {
  int64_t sum = macs(model, tokens, exit_layer, false);
  if (!asks_exits(policy)) return sum;
  for (const ExitInfo& e : model.exits) {
    if (e.layer >= policy.exit_start && e.layer < exit_layer) sum += e.macs;
  }
  return sum;
}

Score score_policy(const Evaluated& data, const ModelInfo& model, const ExitPolicy& policy,
                   const ScoreOptions& options) {
  Score s;
  const std::vector<Decision> windows = decide(data.table, policy);
  const std::vector<Decision> decisions =
      data.first_window.empty() ? windows
                                : join_decisions(data.table, policy, data.first_window, data.join);
  add_costs(data, model, policy, windows, decisions, &s);
  if (is_regression(data.table)) {
    std::vector<double> answered;
    for (const Decision& d : decisions) answered.push_back(static_cast<double>(d.value));
    for (const Metric m : options.metrics) {
      s.metrics.push_back(score_metric(m, answered, data.scores, options));
    }
    return s;
  }
  if (is_multi_label(data.table)) {
    score_sets(data, decisions, options, &s);
    return s;
  }
  s.confusion = Confusion(data.table.num_labels);
  for (size_t i = 0; i < decisions.size(); ++i) s.confusion.add(data.labels[i], decisions[i].label);
  for (const Metric m : options.metrics) {
    s.metrics.push_back(label_metric(m, s.confusion, options));
  }
  return s;
}

std::optional<BetterOrder> better_order(const LabelMap& map, const Confusion& c) {
  constexpr int64_t kMaxClasses = 5;  // 120 orders
  if (!map.guessed || c.classes > kMaxClasses || c.rows() == 0) return std::nullopt;
  // Class p, which is called names[p] now, would be names[as[p]].
  std::vector<int64_t> as(static_cast<size_t>(c.classes)), best;
  std::iota(as.begin(), as.end(), int64_t{0});
  int64_t best_correct = c.correct();
  while (std::next_permutation(as.begin(), as.end())) {
    int64_t correct = 0;
    for (int64_t p = 0; p < c.classes; ++p) correct += c.at(as[static_cast<size_t>(p)], p);
    if (correct <= best_correct) continue;
    best_correct = correct;
    best = as;
  }
  if (best.empty()) return std::nullopt;
  // Clearly better: chance alone would not do this for a model that has learned nothing.
  const Interval with = binomial_interval(best_correct, c.rows()),
                 ours = binomial_interval(c.correct(), c.rows());
  if (with.low <= ours.high) return std::nullopt;
  BetterOrder better;
  better.accuracy = static_cast<double>(best_correct) / static_cast<double>(c.rows());
  for (const int64_t label : best) better.names.push_back(map.names[static_cast<size_t>(label)]);
  return better;
}

}  // namespace costeff::tasks
