#include "tasks/sweep/points.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tasks/sweep/risk_coverage.h"
#include "tasks/sweep/study.h"
#include "tasks/sweep_rows.h"

namespace costeff::tasks {
namespace {

// rows, losses, gains; the interval by the formula, computed elsewhere.
TEST(PairedInterval, AgreestiAndMin) {
  const struct {
    int64_t losses, gains, rows;
    double low, high;
  } cases[] = {{13, 5, 872, -0.018909389034522585, 0.0006027528789161758},
               {0, 0, 100, -0.019215333181765236, 0.019215333181765236},
               {40, 10, 200, -0.21471076201169037, -0.08231894095860672}};
  for (const auto& c : cases) {
    const Interval i = paired_interval(c.losses, c.gains, c.rows);
    EXPECT_NEAR(i.low, c.low, 1e-12);
    EXPECT_NEAR(i.high, c.high, 1e-12);
  }
  EXPECT_TRUE(std::isnan(paired_interval(0, 0, 0).low));
}

// It holds the truth about as often as it says. 95% of 2,000 draws: one standard error is 0.5 points.
TEST(PairedInterval, HoldsTheTruth) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform;
  for (const auto& [lose, gain] : {std::pair{0.03, 0.02}, {0.1, 0.05}, {0.01, 0.01}}) {
    int64_t held = 0;
    for (int draw = 0; draw < 2000; ++draw) {
      int64_t losses = 0, gains = 0;
      for (int row = 0; row < 400; ++row) {
        const double u = uniform(random);
        losses += u < lose;
        gains += u >= lose && u < lose + gain;
      }
      const Interval i = paired_interval(losses, gains, 400);
      held += i.low <= gain - lose && gain - lose <= i.high;
    }
    EXPECT_GE(held, 2000 * 0.935);
  }
}

TEST(CorrelationInterval, Fisher) {
  const Interval i = correlation_interval(0.5, 103);  // z = 0.549306, half = 0.195996
  EXPECT_NEAR(i.low, std::tanh(std::atanh(0.5) - 0.1959963984540054), 1e-12);
  EXPECT_NEAR(i.high, std::tanh(std::atanh(0.5) + 0.1959963984540054), 1e-12);
  EXPECT_TRUE(std::isnan(correlation_interval(0.5, 3).low));
  EXPECT_EQ(correlation_interval(1, 100).high, 1);
}

TEST(RiskCoverage, ByHand) {
  // Surest first: right, wrong, right, wrong: shares of wrong ones 0, 1/2, 1/3, 1/2.
  const RiskCoverage r = risk_coverage({{0.4f, false}, {0.1f, true}, {0.2f, false}, {0.3f, true}});
  EXPECT_NEAR(r.area, (0 + 0.5 + 1.0 / 3 + 0.5) / 4, 1e-12);
  EXPECT_NEAR(r.best, (0 + 0 + 1.0 / 3 + 0.5) / 4, 1e-12);
  EXPECT_EQ(r.random, 0.5);
  const RiskCoverage perfect = risk_coverage({{0.1f, true}, {0.2f, true}, {0.3f, false}});
  EXPECT_EQ(perfect.area, perfect.best);
  const RiskCoverage even = risk_coverage({{1, true}, {1, false}, {1, false}, {1, true}});
  EXPECT_EQ(even.area, even.random);  // an order that knows nothing
  EXPECT_EQ(risk_coverage({}).area, 0);
}

// Ties are averaged over every order they could come in.
TEST(RiskCoverage, TiesAreEvenOnAverage) {
  std::mt19937_64 random(5);
  std::vector<JudgedAnswer> answers;
  for (int i = 0; i < 7; ++i) answers.push_back({static_cast<float>(i / 3), random() % 3 != 0});
  const double area = risk_coverage(answers).area;
  double sum = 0;
  constexpr int kOrders = 20000;
  for (int n = 0; n < kOrders; ++n) {
    std::shuffle(answers.begin(), answers.end(), random);
    std::stable_sort(answers.begin(), answers.end(),
                     [](const auto& a, const auto& b) { return a.doubt < b.doubt; });
    double wrong = 0;
    for (size_t i = 0; i < answers.size(); ++i) {
      wrong += !answers[i].right;
      sum += wrong / static_cast<double>(i + 1) / static_cast<double>(answers.size());
    }
  }
  EXPECT_NEAR(area, sum / kOrders, 0.005);
}

SweepPoint judged(double quality, double macs, int64_t losses, int64_t gains) {
  SweepPoint p;
  p.quality = quality;
  p.macs = macs;
  p.speedup_macs = 100 / macs;
  p.losses = losses;
  p.gains = gains;
  p.change = static_cast<double>(gains - losses) / 1000;
  p.change_interval = paired_interval(losses, gains, 1000);
  p.interval = binomial_interval(static_cast<int64_t>(std::lround(quality * 1000)), 1000);
  return p;
}

SweepReport study_report(std::vector<SweepPoint> points) {
  SweepReport r;
  r.quality_name = "accuracy";
  r.labelled = true;
  r.rows = 1000;
  r.full_macs = points.front().macs;
  r.points = std::move(points);
  mark_pareto(&r.points);
  return r;
}

TEST(RecommendedPoint, LargestSavingWithinNoiseAndAPoint) {
  SweepReport r = study_report({judged(0.9, 100, 0, 0), judged(0.897, 60, 8, 5),
                                judged(0.892, 40, 12, 4), judged(0.885, 20, 30, 15)});
  EXPECT_EQ(recommended_point(r), 2u);
  // Eight rows of a thousand lost and none gained: more than noise.
  r.points[2] = judged(0.892, 40, 8, 0);
  EXPECT_EQ(recommended_point(r), 1u);
  // What was fitted to these rows does not count.
  r.points[1].fitted = true;
  EXPECT_EQ(recommended_point(r), 0u);
  r.points[1].fitted = false;
  // Of equal savings the better one.
  r.points.push_back(judged(0.899, 60, 4, 3));
  EXPECT_EQ(recommended_point(r), 4u);
}

TEST(RecommendedPoint, WithoutLabelsAtMostOneInAHundredChanges) {
  SweepReport r =
      study_report({judged(1, 100, 0, 0), judged(0.991, 60, 9, 0), judged(0.989, 40, 11, 0)});
  r.labelled = false;
  EXPECT_EQ(recommended_point(r), 1u);
}

TEST(RecommendedPoint, RegressionInTheIntervalOfItsCorrelation) {
  SweepReport r =
      study_report({judged(0.8, 100, 0, 0), judged(0.8, 60, 0, 0), judged(0.8, 40, 0, 0)});
  r.problem = ProblemType::regression;
  r.points[1].quality = 0.795;
  r.points[1].change = -0.005;
  r.points[2].quality = 0.785;
  r.points[2].change = -0.015;
  EXPECT_EQ(recommended_point(r), 1u);
  r.rows = 1000000;  // the interval is now narrower than the loss
  EXPECT_EQ(recommended_point(r), 0u);
}

TEST(Study, OneFrontOverAllModels) {
  const std::vector<SweepReport> models{
      study_report({judged(0.9, 100, 0, 0), judged(0.89, 50, 20, 10), judged(0.8, 30, 100, 0)}),
      study_report({judged(0.895, 40, 0, 0), judged(0.893, 25, 4, 2), judged(0.7, 10, 195, 0)})};
  const auto front = study_front(models);
  std::vector<std::pair<size_t, size_t>> got;
  for (const StudyPoint& p : front) got.emplace_back(p.model, p.point);
  EXPECT_EQ(got, (std::vector<std::pair<size_t, size_t>>{{1, 2}, {1, 1}, {1, 0}, {0, 0}}));
  const StudyVerdict v = study_verdict(models);
  EXPECT_EQ(v.reference, 0u);
  EXPECT_EQ(v.model, 1u);
  EXPECT_EQ(v.point, 1u);
  const auto shown = shown_front(models, 1);  // both ends and the one to take
  got.clear();
  for (const StudyPoint& p : shown) got.emplace_back(p.model, p.point);
  EXPECT_EQ(got, (std::vector<std::pair<size_t, size_t>>{{1, 2}, {1, 1}, {0, 0}}));
}

TEST(Study, FullDepthOfTheBestIfNothingElseWillDo) {
  const std::vector<SweepReport> models{study_report({judged(0.8, 10, 0, 0)}),
                                        study_report({judged(0.9, 100, 0, 0)})};
  const StudyVerdict v = study_verdict(models);
  EXPECT_EQ(v.reference, 1u);
  EXPECT_EQ(v.model, 1u);
  EXPECT_EQ(v.point, 0u);
}

TEST(LatencyOf, MedianAndLast) {
  std::vector<double> ms;
  for (int i = 100; i >= 1; --i) ms.push_back(i);
  const Latency l = latency_of(ms);
  EXPECT_EQ(l.rows, 100);
  EXPECT_EQ(l.p50_ms, 51);
  EXPECT_EQ(l.p99_ms, 99);
}

}  // namespace
}  // namespace costeff::tasks
