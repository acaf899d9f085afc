#include "train/session/estimate.h"

#include <algorithm>
#include <chrono>

#include "train/session/workshop.h"

namespace costeff::train {
namespace {

constexpr int64_t kSteps = 5;        // that are timed, after one that is not
constexpr size_t kRows = 200;        // of the development set
constexpr size_t kPooledRows = 400;  // of the training set

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

double ratio(int64_t a, int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

// Time goes by tokens; of states that are kept, by rows.
double stage_seconds(const Prepared& p, Stage* stage, Workshop* shop, bool by_rows) {
  stage->step(shop);
  const Clock clock;
  int64_t steps = 0, done = 0;
  while (steps < kSteps && !stage->loop.done()) {
    const StepReport step = stage->step(shop);
    done += by_rows ? step.rows : step.tokens;
    ++steps;
  }
  if (done == 0) return 0;
  const TrainStage& planned = p.plan.stages[static_cast<size_t>(stage->index)];
  const double epoch = clock.seconds() * ratio(by_rows ? p.plan.rows : p.plan.tokens, done);
  return epoch * planned.epochs;
}

double evaluation_seconds(const Prepared& p, const model::Model& model) {
  Judging some = p.judging();
  some.gold = some.gold.first(std::min(kRows, some.gold.size()));
  some.rows = some.rows.first(some.gold.size());
  some.metric = nullptr;
  const Clock clock;
  judge(model, some);
  return clock.seconds() * ratio(p.plan.dev_rows, static_cast<int64_t>(some.rows.size()));
}

}  // namespace

double estimate_seconds(const Prepared& p) {
  Opened opened = p.open();
  Workshop shop(&opened, p.options);
  std::span<const Row> rows = p.rows.rows;
  double seconds = 0;
  const bool ramps_alone = opened.settings.recipe->stages.front().trains == Trains::ramps;
  if (ramps_alone) {
    rows = rows.first(std::min(rows.size(), kPooledRows));
    const Clock clock;
    shop.pooled = compute_pooled(shop.network.get(), &shop.team, rows, INT64_MAX, "", nullptr);
    int64_t tokens = 0;
    for (const Row& row : rows) tokens += static_cast<int64_t>(row.ids.size());
    seconds += clock.seconds() * ratio(p.plan.tokens, tokens);
  }
  const double evaluation = p.dev.empty() ? 0 : evaluation_seconds(p, shop.model);
  for (size_t i = 0; i < p.plan.stages.size(); ++i) {
    Stage stage(static_cast<int64_t>(i), p.options, opened.settings, &shop, rows);
    seconds += stage_seconds(p, &stage, &shop, ramps_alone);
    if (!stage.row.answers) continue;
    const int64_t steps = p.plan.stages[i].steps, every = p.plan.eval_every;
    seconds += evaluation * static_cast<double>((steps + every - 1) / every);
  }
  return seconds;
}

}  // namespace costeff::train
