#pragma once

// Pictures of quality against cost. They take their colours from report_style().

#include <span>
#include <string>

#include "tasks/page/curves.h"
#include "tasks/sweep/report.h"

namespace costeff::tasks {

enum class SpeedAxis { layers, macs, time };

// Quality against cost in percent of full depth: a curve for each policy, the front as a band behind them, and a
// ring around the setting that is recommended. A band across shows the interval of full depth's quality.
//   quality_from: only settings at least as good, for a closer look; NaN: all.
std::string speed_chart(const SweepReport& report, SpeedAxis axis, const std::string& title,
                        const ChartSize& size, double quality_from = kNaN);

// The quality from which a closer look shows the settings that compete with full depth; NaN: all of them lie
// close already.
double close_look_from(const SweepReport& report);

// Several models on the same data: of each the settings on its own front, by MACs in percent of those of the
// dearest model's full depth.
std::string models_chart(std::span<const SweepReport> models, const std::string& title,
                         const ChartSize& size, double quality_from = kNaN);

}  // namespace costeff::tasks
