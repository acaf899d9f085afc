#include "cli/run/train_curve.h"

#include <costeff/curve.h>
#include <costeff/engine.h>

#include "cli/run/print.h"
#include "tasks/sweep/points.h"

namespace costeff::cli {
namespace {

tasks::Evaluated run_all_exits(const TrainFlags& f, const Engine& engine, int64_t max_length,
                               std::span<const TrainRow> rows) {
  tasks::Evaluated data;
  RunOptions run;
  run.policy = ExitPolicy{};
  run.all_exits = true;
  run.threads = f.pass.threads;
  run.encode.max_length = max_length;
  size_t at = 0;
  engine.run(
      [&](Example& row, bool) {
        if (at == rows.size()) return ReadStatus::end;
        row = rows[at++].example;
        return ReadStatus::row;
      },
      [&](auto, auto results) { append(results, engine.info().problem, &data.table); }, run,
      &interrupted);
  for (const TrainRow& row : rows) {
    if (is_regression(engine.info())) {
      data.scores.push_back(static_cast<double>(row.score));
    } else if (is_multi_label(engine.info())) {
      data.labels.push_back(data.table.label_sets.number_of(row.labels));
    } else {
      data.labels.push_back(row.label);
    }
  }
  return data;
}

}  // namespace

std::optional<tasks::SweepReport> curve_of_result(const TrainFlags& f, int64_t max_length,
                                                  std::span<const TrainRow> rows,
                                                  const tasks::TrainLabels& labels) {
  // Windows leave one by one, which a curve of whole texts does not show.
  if (rows.empty() || f.pass.doc.stride >= 0) return std::nullopt;
  const Engine engine(f.output, {.isa = f.isa});
  const ModelInfo& m = engine.info();
  if (m.exits.size() < 2) return std::nullopt;
  const tasks::Evaluated data = run_all_exits(f, engine, max_length, rows);
  if (interrupted) return std::nullopt;
  tasks::SweepReport r;
  r.model = f.output;
  r.dialect = m.dialect;
  r.quality_name = tasks::quality_name(m.problem, true);
  r.labels = labels.map.names;
  r.problem = m.problem;
  r.labelled = true;
  r.rows = data.table.rows();
  r.layers = static_cast<int64_t>(m.layers.size());
  SweepRequest request;
  request.curves = usual_curves(exits_of(m));
  // Thresholds by layer would be searched on the very rows that they are shown on.
  std::erase_if(request.curves, [](const Curve& c) { return c.by_layer; });
  const std::vector<int64_t> gold(data.labels.begin(), data.labels.end());
  tasks::SweepEvaluator evaluator(data, m);
  for (const CurveSetting& setting : sweep_settings(data.table, gold, request))
    evaluator.evaluate(&r.points.emplace_back(tasks::sweep_point(setting)));
  tasks::mark_pareto(&r.points);
  r.full_macs = evaluator.full_macs();
  for (int64_t e = 0; e < data.table.exits(); ++e) r.exits.push_back(evaluator.exit_summary(e));
  return r;
}

}  // namespace costeff::cli
