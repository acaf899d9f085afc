#include "tasks/judge/set_metrics.h"

#include <algorithm>

namespace costeff::tasks {
namespace {

double ratio(int64_t up, int64_t down) {
  return down == 0 ? 0 : static_cast<double>(up) / static_cast<double>(down);
}

double f1_of_counts(int64_t both, int64_t answered, int64_t gold) {
  return ratio(2 * both, answered + gold);
}

int64_t shared_labels(const SetRow& row) {
  int64_t both = 0;
  for (auto a = row.answered->begin(), g = row.gold->begin();
       a != row.answered->end() && g != row.gold->end();) {
    if (*a == *g) {
      ++both, ++a, ++g;
    } else {
      *a < *g ? ++a : ++g;
    }
  }
  return both;
}

// The sum over the drawn rows of value(row, labels in answer and gold).
template <typename Value>
double mean_of_rows(std::span<const SetRow> rows, std::span<const int32_t> times, Value value) {
  double sum = 0;
  int64_t drawn = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const int32_t n = times.empty() ? 1 : times[i];
    if (n == 0) continue;
    drawn += n;
    sum += n * value(rows[i], shared_labels(rows[i]));
  }
  return drawn == 0 ? kNaN : sum / static_cast<double>(drawn);
}

int64_t size_of(const std::vector<int32_t>* set) { return static_cast<int64_t>(set->size()); }

}  // namespace

double LabelCounts::precision() const { return ratio(both, answered); }
double LabelCounts::recall() const { return ratio(both, gold); }
double LabelCounts::f1() const { return f1_of_counts(both, answered, gold); }

std::vector<LabelCounts> count_labels(std::span<const SetRow> rows, int64_t labels,
                                      std::span<const int32_t> times) {
  std::vector<LabelCounts> counts(static_cast<size_t>(labels));
  for (size_t i = 0; i < rows.size(); ++i) {
    const int32_t n = times.empty() ? 1 : times[i];
    if (n == 0) continue;
    const SetRow& row = rows[i];
    for (const int32_t l : *row.gold) counts[static_cast<size_t>(l)].gold += n;
    for (const int32_t l : *row.answered) {
      LabelCounts& c = counts[static_cast<size_t>(l)];
      c.answered += n;
      if (std::binary_search(row.gold->begin(), row.gold->end(), l)) c.both += n;
    }
  }
  return counts;
}

double set_metric(Metric metric, std::span<const SetRow> rows, int64_t labels,
                  std::span<const int32_t> times) {
  switch (metric) {
    case Metric::subset_accuracy:
      return mean_of_rows(rows, times, [](const SetRow& row, int64_t) {
        return *row.gold == *row.answered ? 1.0 : 0.0;
      });
    case Metric::sample_f1:
      return mean_of_rows(rows, times, [](const SetRow& row, int64_t both) {
        return f1_of_counts(both, size_of(row.answered), size_of(row.gold));
      });
    case Metric::hamming_loss:
      return mean_of_rows(rows, times, [&](const SetRow& row, int64_t both) {
        return ratio(size_of(row.answered) + size_of(row.gold) - 2 * both, labels);
      });
    case Metric::micro_f1:
    case Metric::macro_f1:
      break;
    default:
      return kNaN;  // not of sets
  }
  if (rows.empty()) return kNaN;
  const std::vector<LabelCounts> counts = count_labels(rows, labels, times);
  LabelCounts all;
  double sum = 0;
  for (const LabelCounts& c : counts) {
    all.both += c.both;
    all.answered += c.answered;
    all.gold += c.gold;
    sum += c.f1();
  }
  return metric == Metric::micro_f1 ? all.f1() : sum / static_cast<double>(labels);
}

RowStatistic set_statistic(Metric metric, std::span<const SetRow> rows, int64_t labels) {
  return [=](std::span<const int32_t> times) { return set_metric(metric, rows, labels, times); };
}

}  // namespace costeff::tasks
