#pragma once

// The vertical axis of a sweep's pictures: percent, or a correlation.

#include <cmath>
#include <string>

#include "tasks/page/curves.h"
#include "tasks/sweep/report.h"

namespace costeff::tasks {

inline double y_of(const SweepReport& r, double quality) {
  return is_regression(r) ? quality : 100 * quality;
}

inline AxisText quality_axis_text(bool regression) {
  return [regression](double y) {
    if (regression) return fixed_text(y, 3);
    return fixed_text(y, std::abs(y - std::round(y)) < 1e-6 ? 0 : 1) + "%";
  };
}

}  // namespace costeff::tasks
