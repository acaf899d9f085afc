#include "train/session/evaluate.h"

#include <cmath>
#include <limits>

#include "runtime/stream.h"

namespace costeff::train {
namespace {

// Accuracy; for a regression the mean squared error, negative, so that higher is better.
std::vector<double> plain_metric(std::span<const TrainRow> gold, const ExitTable& table) {
  std::vector<double> out;
  for (int64_t e = 0; e < table.exits(); ++e) {
    double sum = 0;
    for (int64_t r = 0; r < table.rows(); ++r) {
      const TrainRow& row = gold[static_cast<size_t>(r)];
      const size_t at = table.at(r, e);
      if (is_regression(table)) {
        const double off = static_cast<double>(table.value[at]) - row.score;
        sum -= off * off;
      } else {
        sum += is_multi_label(table) ? table.label_sets.at(table.label[at]) == row.labels
                                     : table.label[at] == row.label;
      }
    }
    out.push_back(sum / static_cast<double>(table.rows()));
  }
  return out;
}

}  // namespace

std::vector<double> judge(const model::Model& model, const Judging& j) {
  const runtime::LoadedModel loaded(model, *j.kernels, kernels::Precision::float32);
  runtime::StreamOptions options;
  options.plan = runtime::make_plan(model, ExitPolicy{}, true);
  options.max_ids = std::numeric_limits<int64_t>::max();
  options.threads = j.threads;
  size_t next = 0;
  const Source source = [&](Example& example, bool) {
    if (next == j.rows.size()) return ReadStatus::end;
    const Row& row = j.rows[next++];
    example = {};
    example.has_ids = true;
    example.input_ids = row.ids;
    example.token_type_ids = row.types;
    return ReadStatus::row;
  };
  ExitTable table;
  runtime::run_stream(
      loaded, *j.tokenizer, source,
      [&](std::span<const Example>, std::span<const Result> results) {
        append(results, model.arch.problem, &table);
      },
      options, nullptr);
  if (!j.first_window.empty()) table = join_exits(table, j.first_window, WindowJoin::mean);
  return j.metric ? j.metric(j.gold, table) : plain_metric(j.gold, table);
}

double best_score(std::span<const double> metric, BestBy best_by) {
  if (best_by == BestBy::last) return metric.back();
  double sum = 0;
  for (const double m : metric) sum += m;
  return sum / static_cast<double>(metric.size());
}

}  // namespace costeff::train
