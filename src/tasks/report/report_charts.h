#pragma once

// The pictures of a sweep. Each is an <svg> that takes its colours from report_style().

#include <string>

#include "tasks/judge/sweep.h"
#include "tasks/report/report_curves.h"
#include "tasks/report/report_html.h"

namespace costeff::tasks {

// Quality against cost in percent of full depth: a curve for each policy, and the front behind
// them.
std::string speed_chart(const SweepReport& report, SpeedAxis axis, const std::string& title,
                        const ChartSize& size);

// Quality, and mean entropy, if all rows left at one layer, for each layer.
std::string quality_by_layer_chart(const SweepReport& report, const ChartSize& size);
std::string entropy_by_layer_chart(const SweepReport& report, const ChartSize& size);

// How often answers of a given probability are right, at one exit.
std::string reliability_chart(const ExitSummary& exit);

}  // namespace costeff::tasks
