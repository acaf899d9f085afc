#include "tasks/sweep/points.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace costeff::tasks {
namespace {

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const size_t n = v.size();
  return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

}  // namespace

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

Latency latency_of(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double q) {
    return ms[static_cast<size_t>(q * static_cast<double>(ms.size() - 1) + 0.5)];
  };
  return {static_cast<int64_t>(ms.size()), at(0.5), at(0.99)};
}

Interval correlation_interval(double r, int64_t rows) {
  if (rows < 4 || !std::isfinite(r)) return {kNaN, kNaN};
  const double z = std::atanh(std::clamp(r, -1.0, 1.0));
  const double half = kNormal95 / std::sqrt(static_cast<double>(rows - 3));
  return {std::tanh(z - half), std::tanh(z + half)};
}

Interval full_depth_interval(const SweepReport& r) {
  const SweepPoint& full = r.points.front();
  return is_regression(r) ? correlation_interval(full.quality, r.rows) : full.interval;
}

bool is_good_enough(const SweepReport& r, const SweepPoint& p, double allowed) {
  constexpr double kRounding = 1e-12;  // of a difference between two shares
  if (p.fitted || !(p.change >= -allowed - kRounding)) return false;
  if (!r.labelled) return true;
  if (!is_regression(r)) return p.change_interval.high >= 0;
  return p.quality >= full_depth_interval(r).low;
}

size_t recommended_point(const SweepReport& r, double allowed) {
  size_t best = 0;
  for (size_t i = 1; i < r.points.size(); ++i) {
    const SweepPoint &p = r.points[i], &b = r.points[best];
    if (p.speedup_macs < b.speedup_macs || !is_good_enough(r, p, allowed)) continue;
    if (p.speedup_macs > b.speedup_macs || p.quality > b.quality) best = i;
  }
  return best;
}

}  // namespace costeff::tasks
