#pragma once

// A model of four layers and rows made up for it, for tests of sweeps.

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tasks/sweep/points.h"
#include "tasks/sweep/sweep.h"

namespace costeff::tasks {

// Four layers with an exit each, three labels.
inline ModelInfo model_info(bool regression = false) {
  ModelInfo m;
  m.hidden_size = 8;
  m.num_labels = regression ? 1 : 3;
  m.problem = regression ? ProblemType::regression : ProblemType::single_label;
  m.labels = {"a", "b", "c"};
  for (int64_t l = 1; l <= 4; ++l) {
    m.layers.push_back({l, 2, 4, 10, 100});
    m.exits.push_back({l, "mean over tokens", 8, 24, 24 + l});
  }
  return m;
}

inline Evaluated random_rows(int64_t rows, uint64_t seed, bool regression = false) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 2);
  Evaluated data;
  std::vector<Result> results;
  for (int64_t i = 0; i < rows; ++i) {
    Result& r = results.emplace_back();
    r.tokens = 3 + static_cast<int64_t>(random() % 20);
    for (int64_t l = 1; l <= 4; ++l) {
      ExitOutput& e = r.exits.emplace_back();
      e.layer = l;
      for (int c = 0; c < (regression ? 1 : 3); ++c) e.logits.push_back(normal(random));
    }
    if (regression) {
      data.scores.push_back(static_cast<double>(normal(random)));
    } else {
      data.labels.push_back(static_cast<int32_t>(random() % 3));
    }
  }
  append(results, model_info(regression).problem, &data.table);
  return data;
}

inline SweepPoint point(PolicyKind kind, std::vector<double> thresholds, int64_t exit_start = 1) {
  SweepPoint p;
  p.policy.kind = kind;
  p.policy.thresholds = std::move(thresholds);
  p.policy.exit_start = exit_start;
  p.policy.patience = 2;
  p.policy.layer = 3;
  return p;
}

// A report whose every text would do harm if it were markup.
inline SweepReport hostile_report() {
  static const ModelInfo m = model_info();
  static const Evaluated data = random_rows(60, 7);
  SweepReport r;
  r.model = "m\"><script>alert(1)</script>";
  r.data = "d.tsv</style><img src=x onerror=alert(1)>";
  r.dialect = "<b>";
  r.quality_name = "accuracy";
  r.labels = {"<i>a</i>", "b&b", "'c\xff"};
  r.labelled = true;
  r.rows = 60;
  r.layers = 4;
  r.threads = 1;
  SweepEvaluator evaluator(data, m);
  r.points.push_back(point(PolicyKind::never, {}));
  r.points.back().family = r.points.back().name = "never";
  for (const double t : {0.1, 0.4, 0.8, 1.2}) {
    r.points.push_back(point(PolicyKind::entropy, {t}));
    SweepPoint& p = r.points.back();
    p.family = p.name = "entropy";
    p.setting = p.text = "<u>" + std::to_string(t);
  }
  for (SweepPoint& p : r.points) {
    evaluator.evaluate(&p);
    p.timings.push_back({.batch_tokens = 512, .seconds = {1, 2, 1.5}});
    finish_timing(60, std::vector<double>{2, 2, 2}, &p.timings.back());
  }
  mark_pareto(&r.points);
  for (int64_t e = 0; e < 4; ++e) r.exits.push_back(evaluator.exit_summary(e));
  Disagreement d;
  d.text = "</li></ul><script>alert('x')</script>\x01\xe2\x80\xae";
  d.pair = "<svg onload=alert(1)>";
  d.gold = "\" onmouseover=\"alert(1)";
  d.id = "<id>";
  d.layer = 1;
  d.last_label = 2;
  r.disagreements.push_back(d);
  r.disagreeing_rows = 1;
  return r;
}

}  // namespace costeff::tasks
