#pragma once

// A sweep as a page and as a picture. Each file stands alone: no network, no scripts, no fonts from
// elsewhere. Light or dark as the reader's system asks; readable without colour.

#include <string>

#include "tasks/judge/sweep.h"

namespace costeff::tasks {

enum class SpeedAxis { layers, macs, time };

// Only the accuracy-speed picture, 720 x 420. `time` needs points that were timed.
std::string sweep_svg(const SweepReport& report, SpeedAxis axis, const std::string& title);

std::string sweep_html(const SweepReport& report, const std::string& title);

}  // namespace costeff::tasks
