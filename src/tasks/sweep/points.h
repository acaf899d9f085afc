#pragma once

// Which points of a sweep stand out: the front, those to show, the one to take.

#include <cstdint>
#include <span>
#include <vector>

#include "tasks/sweep/report.h"

namespace costeff::tasks {

// Sets SweepPoint::pareto.
void mark_pareto(std::vector<SweepPoint>* points);

// Computes the other members from `seconds`. full[i]: the seconds of full depth in the same round.
void finish_timing(int64_t rows, std::span<const double> full, SweepTiming* timing);

// The median and the 99th percentile of the milliseconds of rows; at least one.
Latency latency_of(std::vector<double> ms);

// About `count` points that are worth timing or showing: the cheapest and the dearest of the front
// and some between them, evenly by MACs. Indices into points, by rising cost.
std::vector<size_t> pick_points(const std::vector<SweepPoint>& points, size_t count);

// Whether a point is as good as full depth (the first point) as far as these rows can tell: the interval of the
// change reaches 0 (of a regression: the correlation lies in the interval of full depth's), and it loses at most
// `allowed`. Without labels: at most that share of the rows get another answer. Settings that were fitted to
// these rows do not count: they flatter themselves.
bool is_good_enough(const SweepReport& report, const SweepPoint& point, double allowed);

// The one of these that saves most MACs, of equals the better one; 0 if there is none.
size_t recommended_point(const SweepReport& report, double allowed = Verdict::kAllowed);

// The 95% interval of full depth's quality; NaN if there is none.
Interval full_depth_interval(const SweepReport& report);

// The 95% interval of a Pearson correlation, by Fisher's transformation; NaN for fewer than 4 rows.
Interval correlation_interval(double correlation, int64_t rows);

}  // namespace costeff::tasks
