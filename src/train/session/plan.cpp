#include "train/session/plan.h"

#include <algorithm>

#include "train/session/workshop.h"

namespace costeff::train {
namespace {

constexpr int64_t kEvaluationsOfEpoch = 4;

}  // namespace

TrainPlan make_plan(const Opened& opened, const TrainOptions& options, const Encoded& rows,
                    const Encoded& dev) {
  const model::Model& m = opened.backbone.model;
  const Settings& s = opened.settings;
  TrainPlan plan;
  plan.dialect = m.provenance.dialect;
  for (const model::Head& head : m.arch.heads) plan.exits.push_back(head.layer);
  plan.batch = s.batch;
  plan.rows = static_cast<int64_t>(rows.rows.size());
  plan.dev_rows = static_cast<int64_t>(dev.first_window.empty() ? dev.rows.size()
                                                                : dev.first_window.size() - 1);
  plan.tokens = rows.tokens;
  plan.max_length = s.max_length;
  plan.longest = rows.longest;
  plan.truncated = rows.truncated;
  plan.best_by = s.best_by;
  plan.notes = opened.notes;
  model::for_each_parameter(
      m, [&](const model::Parameter& p) { plan.parameters += p.tensor.numel(); });
  for (size_t i = 0; i < s.recipe->stages.size(); ++i) {
    const StageRow& row = s.recipe->stages[i];
    const LoopOptions loop = loop_options(row, static_cast<int64_t>(i), options, s);
    plan.stages.push_back({.name = std::string(row.name),
                           .what = std::string(row.what),
                           .epochs = loop.epochs,
                           .steps = steps_of_loop(plan.rows, loop),
                           .learning_rate = s.learning_rate,
                           .head_learning_rate = s.head_learning_rate,
                           .parameters = trained_parameters(row, options, m)});
  }
  const int64_t of_epoch =
      steps_of_epoch(plan.rows, loop_options(s.recipe->stages[0], 0, options, s));
  plan.eval_every = options.eval_every > 0
                        ? options.eval_every
                        : (of_epoch + kEvaluationsOfEpoch - 1) / kEvaluationsOfEpoch;
  return plan;
}

}  // namespace costeff::train
