#pragma once

// Pictures of the exits of a model, each by itself. They take their colours from report_style().

#include <string>

#include "tasks/page/curves.h"
#include "tasks/sweep/report.h"

namespace costeff::tasks {

// Quality, and mean entropy, if all rows left at one layer, for each layer.
std::string quality_by_layer_chart(const SweepReport& report, const ChartSize& size);
std::string entropy_by_layer_chart(const SweepReport& report, const ChartSize& size);

// How often answers of a given probability are right, at one exit.
std::string reliability_chart(const ExitSummary& exit);

}  // namespace costeff::tasks
