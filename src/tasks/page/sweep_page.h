#pragma once

// A sweep as a page and as a picture.

#include <span>
#include <string>

#include "tasks/page/speed_chart.h"
#include "tasks/sweep/report.h"

namespace costeff::tasks {

// Only the accuracy-speed picture, 720 x 420. `time` needs points that were timed. Of several models: models_chart.
std::string sweep_svg(std::span<const SweepReport> models, SpeedAxis axis,
                      const std::string& title);

// One page for all models: with several, one front over all and then each model by itself.
std::string sweep_html(std::span<const SweepReport> models, const std::string& title);

}  // namespace costeff::tasks
